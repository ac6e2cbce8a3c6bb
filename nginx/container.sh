#!/bin/sh
# The official image runs this before Nginx, after it has rendered the templates.
set -eu
sh /bellhop/setup /etc/nginx
sh /bellhop/renew /etc/nginx &
