package escalate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// errInside refuses an address that is not of the public Internet.
var errInside = errors.New("the address is inside a network, and allow_private is not set")

// guard refuses connections to addresses that are not public. It is asked with the
// address that is about to be dialled, after all names were resolved, so that a name
// can't mean one thing to a check and another to the connection.
func guard(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", errInside, err)
	}
	if !public(to.Addr()) {
		return errInside
	}
	return nil
}

// nat64 is the well-known prefix: an IPv4 address follows, to which the network translates.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// inside are networks that are not the public Internet, besides those that netip knows.
var inside = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", // this network, carrier-grade NAT
	"192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", // protocols, documentation, benchmarks
	"240.0.0.0/4",             // reserved
	"::/96", "64:ff9b:1::/48", // with an IPv4 address inside: compatible, NAT64 of the network's own
	"2001::/32", "2002::/16", // ... Teredo, 6to4
	"100::/64", "2001:db8::/32", "fec0::/10", // discard, documentation, site-local
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// public tells whether an address is of the public Internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(a) })
}
