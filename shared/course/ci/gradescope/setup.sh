#!/usr/bin/env bash
# Builds the autograder's image. Zip it as Gradescope wants it:
#   cp shared/course/ci/gradescope/* . && zip -r autograder.zip setup.sh run_autograder course
# where course is the folder with this course. Choose the largest container: the lab is a
# machine of 1 GB under emulation, and set the time limit to 40 minutes.
set -euo pipefail
source=${AUTOGRADER:-/autograder}/source
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends make git curl ca-certificates
version=$(sed -n 's/^go //p' "$source/course/go.work")
curl -fsSL "https://go.dev/dl/go$version.linux-$(dpkg --print-architecture).tar.gz" | tar -xz -C /usr/local
export PATH="/usr/local/go/bin:$PATH" HOME=/root
# Now and not for each submission: the lab's image, the tool, the library.
make -C "$source/course" vm CMD=true </dev/null
