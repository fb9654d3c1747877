#!/bin/sh
# Makes secrets/ for docker-compose.yml: what can be made by chance is made, the rest is named. Nothing that is there is
# changed. The folder is its owner's alone; the files in it can be read by the containers' users, who see only their own.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 700 secrets

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }

written() { # NAME: the text comes from standard input
  test -e "secrets/$1" || cat >"secrets/$1"
  chmod 644 "secrets/$1"
}

random | written postgres_password
random | written grafana_password
random | cut -c 1-8 | written vnc_password # VNC takes eight characters
printf '%s %s\n' "$(id -un)" "$(random)" | written rebalancer_key
for name in tws_password ably_api_key allocations_api_key; do
  printf '' | written "$name"
  test -s "secrets/$name" || echo "secrets/$name is empty: write it there$(
    case $name in
      tws_password) echo ", the password of your IBKR login" ;;
      ably_api_key) echo ", with the capabilities subscribe and history (and publish where outcomes are published)" ;;
      allocations_api_key) echo ", or leave it so where targets stand in accounts.yaml" ;;
    esac)"
done
