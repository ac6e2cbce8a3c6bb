//go:build !unix

package app

import "errors"

func descriptorLimit() (uint64, error) { return 0, errors.ErrUnsupported }
