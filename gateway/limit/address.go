package limit

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of the proxies in front, which are believed about
// whom they forward. The zero value believes nobody.
type Proxies []netip.Prefix

// ParseProxies reads networks such as "10.0.0.0/8", or single addresses.
func ParseProxies(networks []string) (Proxies, error) {
	var p Proxies
	for _, text := range networks {
		prefix, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("want a network such as 10.0.0.0/8, not %q", text)
		}
		p = append(p, prefix.Masked())
	}
	return p, nil
}

// maxForwarded is how many entries of X-Forwarded-For are looked at.
const maxForwarded = 16

// Client is the address that a request came from. X-Forwarded-For is read from
// its end, which the nearest proxy wrote, and only as long as each that wrote an
// entry is trusted: what stands before that anybody may have made up. The zero
// address means that it is not known.
func (p Proxies) Client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := peer.Addr().Unmap()
	entries := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(entries) - 1; i >= max(0, len(entries)-maxForwarded) && p.trusts(from); i-- {
		entry := strings.TrimSpace(entries[i])
		next, err := netip.ParseAddr(entry)
		if err != nil {
			withPort, err := netip.ParseAddrPort(entry)
			if err != nil {
				break
			}
			next = withPort.Addr()
		}
		from = next.Unmap().WithZone("")
	}
	return from
}

func (p Proxies) trusts(addr netip.Addr) bool {
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// site is what counts as one address: of IPv6, where every customer is given a
// whole network, its first 64 bits.
func site(addr netip.Addr) netip.Addr {
	if !addr.Is6() || addr.Is4In6() {
		return addr.Unmap()
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr
	}
	return prefix.Addr()
}
