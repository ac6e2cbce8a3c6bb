// Package nginxtest has only tests: streams through a real Nginx with the
// configuration of the folder nginx, as operators install it. Each of the classic
// traps of Server-Sent Events behind a proxy is shown with the setting that leads
// into it, and gone with ours.
package nginxtest
