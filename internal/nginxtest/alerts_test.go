package nginxtest

import (
	"maps"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// healthy is what a fleet records in which nothing is wrong, for an hour.
var healthy = map[string]string{
	`up{job="gateway",instance="g"}`:                                                         "1x720",
	`up{job="notifier",instance="n"}`:                                                        "1x720",
	`bellhop_hub_tail_last_read_timestamp_seconds{instance="g"}`:                             "0+5x720",
	`bellhop_notifier_events_total{result="failed"}`:                                         "0x720",
	`bellhop_notifier_events_total{result="written"}`:                                        "0+50x720",
	`bellhop_notifier_publish_failures_total{instance="n"}`:                                  "3x720",
	`bellhop_hub_bus_doubt_seconds{instance="g"}`:                                            "1 0x720",
	`bellhop_hub_waiting_channels{instance="g"}`:                                             "0x720",
	`bellhop_replica_passed_over{instance="g",server="r"}`:                                   "0x720",
	`bellhop_replica_behind_total{instance="g",server="r"}`:                                  "0+1x720",
	`bellhop_database_pages_total{instance="g",server="r",role="replica"}`:                   "0+50x720",
	`bellhop_database_connection_wait_seconds_total{instance="g",server="p",role="primary"}`: "0+1x720",
	`bellhop_jwks_last_read_timestamp_seconds{instance="g"}`:                                 "0+5x720",
	`bellhop_revocations_last_read_timestamp_seconds{instance="g"}`:                          "0+5x720",
	`bellhop_hub_event_age_seconds_bucket{instance="g",le="0.1"}`:                            "0+500x720",
	`bellhop_hub_event_age_seconds_bucket{instance="g",le="5"}`:                              "0+500x720",
	`bellhop_hub_event_age_seconds_bucket{instance="g",le="+Inf"}`:                           "0+500x720",
	`bellhop_notifier_epochs_total{instance="n"}`:                                            "1x720",
	`bellhop_streams_refused_total{instance="g",reason="capacity"}`:                          "0x720",
	`process_open_fds{job="gateway",instance="g"}`:                                           "500x720",
	`process_max_fds{job="gateway",instance="g"}`:                                            "1000x720",
	`bellhop_notifier_maintenance_failures_total{instance="n",task="trim"}`:                  "2x720",
	`bellhop_notifier_maintenance_failures_total{instance="n",task="identity"}`:              "2x720",
	`bellhop_hub_retention_left_events_bucket{instance="g",namespace="user",le="0"}`:         "0+1x720",
	`bellhop_hub_retention_left_events_count{instance="g",namespace="user"}`:                 "0+50x720",
	`bellhop_notifier_audit_lost_total{instance="n"}`:                                        "3x720",
	`bellhop_escalation_parked{instance="n",target="main"}`:                                  "0x720",
	`bellhop_escalation_late_seconds{instance="n",target="main"}`:                            "30x720",
	`bellhop_outbox_lag_seconds{instance="n"}`:                                               "0.1x720",
	`bellhop_outbox_parked_rows{instance="n"}`:                                               "0x720",
}

// troubles are, for each alert, what is recorded otherwise when it is to fire. An empty
// value: nothing.
var troubles = map[string]map[string]string{
	"NoGateway":        {`up{job="gateway",instance="g"}`: "0x720"},
	"NoNotifier":       {`up{job="notifier",instance="n"}`: ""},
	"LogAway":          {`bellhop_hub_tail_last_read_timestamp_seconds{instance="g"}`: "5x720"},
	"PublishingFails":  {`bellhop_notifier_events_total{result="failed"}`: "0+1x720"},
	"BusAway":          {`bellhop_notifier_publish_failures_total{instance="n"}`: "0+1x720"},
	"BusInDoubt":       {`bellhop_hub_bus_doubt_seconds{instance="g"}`: "0+5x720"},
	"KeptLogAway":      {`bellhop_hub_waiting_channels{instance="g"}`: "1x720"},
	"ReplicaAway":      {`bellhop_replica_passed_over{instance="g",server="r"}`: "1x720"},
	"ReplicaBehind":    {`bellhop_replica_behind_total{instance="g",server="r"}`: "0+60x720"},
	"ConnectionsShort": {`bellhop_database_connection_wait_seconds_total{instance="g",server="p",role="primary"}`: "0+5x720"},
	"KeysOld":          {`bellhop_jwks_last_read_timestamp_seconds{instance="g"}`: "5x720"},
	"RevocationsOld":   {`bellhop_revocations_last_read_timestamp_seconds{instance="g"}`: "5x720"},
	"EventsLate":       {`bellhop_hub_event_age_seconds_bucket{instance="g",le="0.1"}`: "0+450x720"},
	"NewEpoch":         {`bellhop_notifier_epochs_total{instance="n"}`: "0x660 1x60"},
	"NoPrimary":        {`bellhop_notifier_maintenance_failures_total{instance="n",task="identity"}`: "0+5x720"},
	"GatewaysFull":     {`bellhop_streams_refused_total{instance="g",reason="capacity"}`: "0+1x720"},
	"DescriptorsShort": {`process_open_fds{job="gateway",instance="g"}`: "950x720"},
	"MaintenanceFails": {`bellhop_notifier_maintenance_failures_total{instance="n",task="trim"}`: "0+1x720"},

	"RetentionShort":    {`bellhop_hub_retention_left_events_bucket{instance="g",namespace="user",le="0"}`: "0+8x720"},
	"AuditLost":         {`bellhop_notifier_audit_lost_total{instance="n"}`: "3x660 4x60"},
	"EscalationsParked": {`bellhop_escalation_parked{instance="n",target="main"}`: "1x720"},
	"EscalationsLate":   {`bellhop_escalation_late_seconds{instance="n",target="main"}`: "0+5x720"},
	"OutboxLate":        {`bellhop_outbox_lag_seconds{instance="n"}`: "0+5x720"},
	"OutboxRefused":     {`bellhop_outbox_parked_rows{instance="n"}`: "1x720"},
}

// TestEachAlertFiresAndStaysQuiet plays records against the rules: none fires for a fleet
// in which nothing is wrong, and each does for what it is there for.
func TestEachAlertFiresAndStaysQuiet(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, alerts)), &file))
	looks := []testenv.Alert{{Series: healthy, After: "58m"}}
	for _, rule := range file.Groups[0].Rules {
		require.Contains(t, troubles, rule.Alert)
		series := maps.Clone(healthy)
		for name, values := range troubles[rule.Alert] {
			require.Contains(t, healthy, name)
			if series[name] = values; values == "" {
				delete(series, name)
			}
		}
		looks = append(looks, testenv.Alert{Series: series, After: "58m", Only: rule.Alert, Fires: []string{rule.Alert}})
	}
	require.Len(t, looks, len(troubles)+1)
	testenv.Alerts(t, alerts, looks...)
}
