#!/bin/sh
# Makes the tokens of Grafana and the collector, once, with no more rights than each needs.
set -eu

INFLUX_TOKEN=$(cat /run/secrets/influx_admin_token)
export INFLUX_TOKEN
bucket=$(influx bucket list --name muster --hide-headers | cut -f 1)
[ -n "$bucket" ] || { echo "tokens: InfluxDB has no bucket muster" >&2; exit 1; }

# make FILE OWNER RIGHTS...
make() {
    file=/tokens/$1 owner=$2
    shift 2
    [ ! -s "$file" ] || return 0
    umask 077
    influx auth create --description "$file" "$@" --json |
        sed -n 's/^.*"token": "\(.*\)".*$/\1/p' >"$file.new"
    [ -s "$file.new" ] || { echo "tokens: InfluxDB gave no token for $file" >&2; exit 1; }
    chown "$owner" "$file.new"
    chmod 0400 "$file.new"
    mv "$file.new" "$file"
}

# The owners are the users of the two images.
make influx_reader_token 472 --read-bucket "$bucket"
make influx_collector_token 10001 --read-bucket "$bucket" --write-bucket "$bucket"
