package web

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFontsAreThoseOfSystems: what writes Korean, Japanese and Chinese on Apple's
// systems, on Windows and on Linux has another name on each, and a browser whose
// own choice fails shows boxes.
func TestFontsAreThoseOfSystems(t *testing.T) {
	t.Parallel()
	korean := []string{"Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR", "Nanum"}
	all := append([]string{
		"Hiragino Sans", "Yu Gothic UI", "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei UI", "Noto Sans CJK SC",
		"PingFang TC", "Microsoft JhengHei UI", "Noto Sans CJK TC",
	}, korean...)
	for file, names := range map[string][]string{
		"bellhop-bell.js": all, "bellhop-toasts.js": all, "../demo/page/css/base.css": korean,
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range names {
			require.Contains(t, string(text), name, file)
		}
	}
}
