package hub

import "github.com/prometheus/client_golang/prometheus"

// followed counts the channels that somebody follows when it is asked. Only namespaces
// with a policy are opened, so there are as many figures as policies. Of the people's
// inboxes it is the number of distinct people.
type followed struct{ h *Hub }

var followedDesc = prometheus.NewDesc("bellhop_hub_followed_channels",
	"Channels that open streams follow, by namespace. Of user it is the number of distinct people here.", []string{"namespace"}, nil)

// Describe implements prometheus.Collector.
func (f followed) Describe(to chan<- *prometheus.Desc) { to <- followedDesc }

// Collect implements prometheus.Collector.
func (f followed) Collect(to chan<- prometheus.Metric) {
	count := map[string]int{}
	f.h.held(func(c *channel) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.Followed() {
			count[c.Name().Namespace()]++
		}
	})
	for namespace, n := range count {
		to <- prometheus.MustNewConstMetric(followedDesc, prometheus.GaugeValue, float64(n), namespace)
	}
}

var _ prometheus.Collector = followed{}
