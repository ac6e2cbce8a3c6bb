package relay

import (
	"testing"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
