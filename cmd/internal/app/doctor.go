package app

import (
	"context"
	"fmt"
	"io"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/doctor"
)

// lookAtStream prints what holds streams of a site back, and fails if something does.
func lookAtStream(ctx context.Context, at config.DoctorStream, stdout io.Writer) error {
	findings, err := doctor.Stream{
		URL: at.URL, Token: at.Token.Reveal(), Channel: at.Channel, Wait: at.Wait, Insecure: at.Insecure,
	}.Look(ctx)
	if err != nil {
		return err
	}
	return report(stdout, findings)
}

// report prints findings, and fails if something is to be done.
func report(stdout io.Writer, findings []doctor.Finding) error {
	bad, err := doctor.Report(stdout, findings)
	if err == nil && bad > 0 {
		err = fmt.Errorf("something is to be done about %d of %d", bad, len(findings))
	}
	return err
}
