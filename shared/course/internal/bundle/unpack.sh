#!/bin/sh
# Unpacks the course out of a bundle, on a machine that has Go and make and needs no network:
#   tar -xzf BUNDLE unpack && sh unpack BUNDLE [FOLDER]
# FOLDER is a new one, ./mydocker-course if none is named, or a clone of the course, which is
# then brought to the bundle's version if that loses nothing.
#
# This script goes only so far that the course's own tool can be built, from the modules in the
# bundle. The tool then holds the bundle against its checksums and installs the lab.
set -eu

case ${COURSE_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in
ru*) t() { printf '%s\n' "$2"; } ;;
*) t() { printf '%s\n' "$1"; } ;;
esac
fail() { t "$1" "$2" >&2; exit 1; }

here= # make unbundle: the clone that we stand in, as it is
if [ "${1:-}" = -here ]; then here=yes; shift; fi
[ -n "${1:-}" ] || fail 'which one? sh unpack mydocker-course-….tar.gz [FOLDER]' 'какой архив? sh unpack mydocker-course-….tar.gz [КАТАЛОГ]'
[ -f "$1" ] || fail "there is no file $1" "нет файла $1"
bundle=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=${2:-mydocker-course}
[ -z "$here" ] || folder=.
for program in go make tar gzip; do
	command -v $program >/dev/null || fail "$program is not installed; the course needs Go and make, and this script tar and gzip" "нет программы $program; курсу нужны Go и make, этому скрипту — tar и gzip"
done

tmp=$(mktemp -d)
made=
trap 'rm -rf "$tmp"; [ -z "$made" ] || rm -rf "$made"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# tar reads to the end, where the checksum of gzip is. It refuses names that lead out.
tar -xzf "$bundle" -C "$tmp" --exclude='lab/*' 2>"$tmp/error" || fail "$bundle cannot be unpacked, it is cut off or damaged: copy it again ($(tail -n 1 "$tmp/error"))" "$bundle не распаковывается, он обрезан или повреждён: скопируйте его заново ($(tail -n 1 "$tmp/error"))"
[ -f "$tmp/course.tar" ] && [ -d "$tmp/modules" ] || fail "$bundle is no bundle of the course; make bundle makes one" "$bundle — не архив курса; его собирает make bundle"

history=
if [ -f "$tmp/course.git" ] && command -v git >/dev/null; then history=$tmp/course.git; fi
if [ -n "$here" ]; then
	:
elif [ ! -e "$folder" ]; then
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd)
	made=$folder
	if [ -n "$history" ]; then
		git -C "$folder" -c init.defaultBranch=main init -q
		git -C "$folder" fetch -q "$history" HEAD
		git -C "$folder" checkout -q -B main FETCH_HEAD
	else
		tar -xf "$tmp/course.tar" -C "$folder"
	fi
elif [ -e "$folder/go.work" ] && [ -e "$folder/.git" ] && [ -n "$history" ]; then
	git -C "$folder" fetch -q "$history" HEAD
	git -C "$folder" merge -q --ff-only FETCH_HEAD || fail "$folder stays as it is: it has what the bundle's version would overwrite. Commit your work, or name a new folder" "$folder оставлен как есть: версия из архива перезаписала бы то, что в нём. Закоммитьте работу или назовите новый каталог"
else
	fail "$folder is there already; name a new folder" "$folder уже есть; назовите новый каталог"
fi

cd "$folder"
# GOPROXY is for the build of the tool, and a URL; the tool does the rest the same way.
proxy=file://$(printf %s "$tmp/modules" | sed 's/%/%25/g; s/ /%20/g; s/,/%2C/g; s/|/%7C/g')
tool=$(GOPROXY=$proxy GONOPROXY=none make --no-print-directory -s where)
FROM=$bundle "$tool" unbundle
if [ -n "$made" ]; then
	made=
	t "the course is in $folder; begin with: cd $folder && make" "курс лежит в $folder; начните с: cd $folder && make"
fi
