package limit

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the proxies in front, which are believed about
// whom they forward and how they were spoken to. The zero value believes nobody.
type Proxies []netip.Prefix

// ParseProxies reads networks such as "10.0.0.0/8", or single addresses.
func ParseProxies(networks []string) (Proxies, error) {
	var p Proxies
	for _, text := range networks {
		prefix, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil {
			addr = addr.Unmap()
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || prefix.Addr().Is4In6() { // IPv4 in the clothes of IPv6 would match nobody
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
// entry is trusted: what stands before that anybody may have made up.
//
// The zero address means that it is not known: the request comes from a trusted
// proxy that does not say on whose behalf, or nobody said which proxies there
// are and it comes from within the house, most likely from one of them. Taking
// that one for a client would make all clients behind it one.
func (p Proxies) Client(r *http.Request) netip.Addr {
	from, ok := peer(r)
	if !ok {
		return netip.Addr{}
	}
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
	if p.trusts(from) || len(p) == 0 && inHouse(from) {
		return netip.Addr{}
	}
	return from
}

// Secure tells whether the client came by TLS: to this process, or to a trusted
// proxy that says so in X-Forwarded-Proto, and so do all in front of it.
func (p Proxies) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	from, ok := peer(r)
	if !ok || !p.trusts(from) {
		return false
	}
	for proto := range strings.SplitSeq(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",") {
		if !strings.EqualFold(strings.TrimSpace(proto), "https") {
			return false
		}
	}
	return true
}

// Doubtful tells whether a request speaks for somebody else, as a proxy's does,
// and nobody said which proxies there are. An operator wants to know.
func (p Proxies) Doubtful(r *http.Request) bool {
	return len(p) == 0 && (r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("X-Forwarded-Proto") != "")
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) (addr netip.Addr, ok bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone(""), err == nil
}

// inHouse tells whether an address can't be that of a client on the internet.
func inHouse(addr netip.Addr) bool {
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
}

func (p Proxies) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
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
