package notifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// standardObject splits an object with the standard library's decoder.
func standardObject(value []byte) (members, error) {
	dec := json.NewDecoder(bytes.NewReader(value))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errKind, err)
	}
	var found members
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		m := member{name: key}
		if err := dec.Decode(&m.value); err != nil {
			return nil, err
		}
		if found.get(key) != nil {
			return nil, fmt.Errorf("%w: the name %q occurs twice", errMalformed, key)
		}
		found = append(found, m)
	}
	return found, nil
}

// standardArray does the same with an array.
func standardArray(value []byte) (elements []json.RawMessage, ok bool) {
	return elements, len(value) > 0 && value[0] == '[' && json.Unmarshal(value, &elements) == nil
}

// FuzzDecode: whatever is valid is split as the standard library splits it, at every
// level, and nothing that is not valid passes.
//
//fuzz:least 1000
func FuzzDecode(f *testing.F) {
	many := make([]string, 3*fewMembers)
	for i := range many {
		many[i] = `"` + strconv.Itoa(i) + `":[]`
	}
	for _, s := range []string{
		`{}`, ` { } `, `[]`, `[ ]`, `null`, `""`, `"`, `{"a":1}`, `{"a" : "b" , "c":[1,{"d":"]}\""}] }`, "\t[1 ,\n2,\"\\\\\",null]\r\n", `[[],{},[{}]]`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"\ud800":1,"\udc00":2}`, `{"":{}}`, `{"é\"":"\u2028"}`, `[1,]`, `{"a"}`, "\"\x01\"", "{\"\xff\":1}", `{} {}`,
		`{` + strings.Join(many, ",") + `}`, `{` + strings.Join(many, ",") + `,"40":1}`, `[-1.5e+3,true,false]`, `"\ud83d\ude00"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if err := checkJSON(value); err != nil {
			require.ErrorIs(t, err, errMalformed)
			return
		}
		requireSplit(t, bytes.TrimSpace(value), 0)
	})
}

func requireSplit(t *testing.T, value []byte, depth int) {
	t.Helper()
	if depth > 20 {
		return
	}
	want, wantErr := standardObject(value)
	got, err := decodeObject(value)
	if wantErr != nil {
		require.Equal(t, errors.Is(wantErr, errKind), errors.Is(err, errKind))
		if !errors.Is(wantErr, errKind) {
			require.EqualError(t, err, wantErr.Error())
		}
	} else {
		require.NoError(t, err)
		require.Len(t, got, len(want))
	}
	for i := range want {
		require.Equal(t, want[i].name, got[i].name)
		require.Equal(t, string(want[i].value), string(got[i].value))
		requireSplit(t, want[i].value, depth+1)
	}
	elements, ok := standardArray(value)
	gotElements, err := decodeArray(value, len(elements))
	require.Equal(t, ok, err == nil)
	require.Len(t, gotElements, len(elements))
	for i := range elements {
		require.Equal(t, string(elements[i]), string(gotElements[i]))
		requireSplit(t, elements[i], depth+1)
	}
	var s string
	isString := len(value) > 0 && value[0] == '"' && json.Unmarshal(value, &s) == nil
	gotString, ok := decodeString(value)
	require.Equal(t, isString, ok)
	require.Equal(t, s, gotString)
}

// TestDecodeArrayStopsAtItsLimit: one more than the limit is enough to refuse.
func TestDecodeArrayStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	elements, err := decodeArray([]byte("["+strings.Repeat("1,", 1000)+"1]"), 3)
	require.NoError(t, err)
	require.Len(t, elements, 4)
}
