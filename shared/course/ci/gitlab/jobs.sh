#!/bin/sh
# Writes a pipeline with a job for each folder in submissions/ and one that makes a table.
#   sh shared/course/ci/gitlab/jobs.sh 03 >jobs.yml
set -eu
lesson=$1
cat <<END
stages: [grade, table]

.grade:
  stage: grade
  image: golang:1.26-bookworm
  timeout: 45m
  cache:
    key: lab
    paths:
      - lab-cache
  script:
    - export XDG_CACHE_HOME="\$PWD/lab-cache"
    - mkdir class result
    - cp -a "submissions/\$NAME" class/
    - make grade-$lesson DIR=class OUT="result/grades-\$INDEX.csv"
  artifacts:
    when: always
    paths:
      - result
END
index=0
for folder in submissions/*/; do
  [ -e "$folder" ] || continue
  folder=${folder%/}
  # In single quotes YAML takes everything as it is, but for the quote, which is doubled. A \$
  # is GitLab's before it is the shell's, and is doubled, too.
  name=$(printf '%s' "${folder#submissions/}" | sed "s/'/''/g; s/\\$/\\$\\$/g")
  index=$((index + 1))
  cat <<END

grade $index:
  extends: .grade
  variables:
    NAME: '$name'
    INDEX: "$index"
END
done
cat <<END

table:
  stage: table
  image: golang:1.26-bookworm
  when: always
  script:
    - awk 'NR == 1 || FNR > 1' result/grades-*.csv >grades.csv
    - cat grades.csv
  artifacts:
    paths:
      - grades.csv
      - result
END
