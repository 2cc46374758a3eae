package main_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mydocker.example/shared/grade"
)

// checkIdmapped: a rootfs of the host's root is the container's root's, whatever its map,
// and stays what it was.
func checkIdmapped(t *grade.T) {
	rootfs := makeRootfs(t)
	before, table := listing(t, rootfs), mountPoints(t)
	c := asRoot(t)
	const work = `cat /etc/secret && echo mine >>/etc/motd && rm /etc/passwd && touch /etc/new && chown 33:33 /etc/new &&
mkdir /folder && rmdir /folder && mkdir -m 700 /folder && chmod 711 /etc && echo more >>/etc/page; echo "$? worked"`
	p, pid := c.start(work, "--name", "first", "--uid-map", "0:100000:65536", "--gid-map", "0:200000:65536", "--rootfs", rootfs)
	says(t, p, "worked")
	root := fmt.Sprintf("/proc/%d/root", pid)
	for _, f := range []struct{ path, want, ru string }{
		{"/etc/secret", "100000 200000", "старый файл root"},
		{"/etc/page", "100033 200033", "старый файл пользователя 33"},
	} {
		if got := ownerOf(root + f.path); got != f.want {
			t.Saw("stat -c '%u %g' "+root+f.path, got)
			t.Wrong("not-translated",
				"%[1]s of the rootfs belongs, as the host sees it in the container, to %[2]s; under these maps it is to be %[3]s. Owned by somebody without a number inside, it is nobody's to the container's root. An idmapped mount of the lower layer translates. See proof `idmapped`.",
				"%[1]s из rootfs в контейнере принадлежит, по счёту хоста, %[2]s, а при этих картах должен %[3]s. Если у владельца нет номера внутри, для root контейнера файл чужой. Переводит владельцев idmapped-монтирование нижнего слоя. См. доказательство `idmapped`.", f.path, got, f.want)
		}
	}
	if !strings.Contains(p.Stdout(), "of root\n") || !strings.Contains(p.Stdout(), "0 worked") {
		t.Saw("in the container: "+work, orNothing(p.Stdout()+p.Stderr()))
		t.Wrong("cannot-work",
			"the container's root cannot do in its own root what a root does: read a file of mode 0600, change an old one, remove one, make new ones and give them away. The upper folder is to belong to the mapped root; and an overlay that is mounted in a user namespace needs the option userxattr.",
			"root контейнера не может делать в собственном корне то, что делает root: прочитать файл с правами 0600, изменить старый, удалить, создать новые и отдать другому. Папка upper должна принадлежать отображённому root, а оверлею, смонтированному в user namespace, нужна опция userxattr.")
	}
	for path, want := range map[string]string{"/etc/new": "100033 200033", "/etc/motd": "100000 200000", "/folder": "100000 200000"} {
		if got := ownerOf(root + path); got != want {
			t.Saw("stat -c '%u %g' "+root+path, got)
			t.Wrong("file-owner",
				"%s, which the container has made or changed, belongs to %s on the host, not to %s: what it writes is to be its own",
				"%s, созданный или изменённый контейнером, принадлежит на хосте %s, а не %s: то, что он пишет, должно быть его", path, got, want)
		}
	}
	untouched(t, rootfs, before, "while the container runs")

	// Another map over the same rootfs at the same time: who had given the files away could
	// not do that.
	q, second := c.start("cat /etc/secret; echo up", "--uid-map", "0:300000:65536", "--gid-map", "0:300000:65536", "--rootfs", rootfs)
	says(t, q, "up")
	if got := ownerOf(fmt.Sprintf("/proc/%d/root/etc/secret", second)); got != "300000 300000" || !strings.Contains(q.Stdout(), "of root") {
		t.Saw(fmt.Sprintf("stat -c '%%u %%g' /proc/%d/root/etc/secret, and cat inside", second), got+", "+orNothing(q.Stdout()+q.Stderr()))
		t.Wrong("second-map",
			"two containers with two maps over one rootfs: for the second, root's file belongs to %s and not to 300000",
			"два контейнера с двумя картами над одним rootfs: для второго файл root принадлежит %s, а не 300000", got)
	}
	// And none: it is the host's root again.
	r, third := c.start("cat /etc/secret; echo up", "--rootfs", rootfs)
	says(t, r, "up")
	if got := ownerOf(fmt.Sprintf("/proc/%d/root/etc/secret", third)); got != "0 0" {
		t.Wrong("unasked",
			"without a map, root's file belongs to %s in the container: nothing was to be translated",
			"без карты файл root в контейнере принадлежит %s: переводить было нечего", got)
	}
	end(r)
	end(q)
	end(p)
	untouched(t, rootfs, before, "when the containers have ended")
	if now := mountPoints(t); !slices.Equal(table, now) {
		t.Saw("/proc/self/mountinfo of the host, afterwards", strings.Join(now, " "))
		t.Wrong("mount-left",
			"the containers are gone, and the host has other mounts than before: the translated mount is for the container's mount namespace only",
			"контейнеров уже нет, а монтирования хоста не те, что были: переведённое монтирование нужно только в пространстве контейнера")
	}
	expectCode(t, c.mydocker("rm", "first").Run(), 0, "mydocker rm")
}

// untouched compares the rootfs with what it was, owners included.
func untouched(t *grade.T, rootfs string, before []string, when string) {
	t.Helper()
	after := listing(t, rootfs)
	for i := range max(len(before), len(after)) {
		was, is := "(nothing)", "(nothing)"
		if i < len(before) {
			was = before[i]
		}
		if i < len(after) {
			is = after[i]
		}
		if was != is {
			t.Saw("the rootfs on the host, "+when, "was: "+was+"\nis:  "+is)
			t.Wrong("rootfs-touched",
				"the rootfs on the host is not what it was: %s, and now %s. To give its files to 100000 and up would serve one container and break it for all others; an idmapped mount translates on the way. See proof `idmapped`.",
				"rootfs на хосте уже не тот, что был: %s, а теперь %s. Отдать его файлы идентификаторам от 100000 значит угодить одному контейнеру и сломать его для всех остальных; idmapped-монтирование переводит на лету. См. доказательство `idmapped`.", was, is)
		}
	}
}

// listing describes every file below dir: name, mode, owner and content.
func listing(t *grade.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		content := ""
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf(" %x", sha256.Sum256(data))[:9]
		}
		lines = append(lines, fmt.Sprintf("%s %o %d %d%s", strings.TrimPrefix(path, dir), st.Mode, st.Uid, st.Gid, content))
		return nil
	})
	if err != nil {
		t.Broken(err)
	}
	return lines
}

// mountPoints are those of the host.
func mountPoints(t *grade.T) (points []string) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Broken(err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 4 {
			points = append(points, f[4])
		}
	}
	return points
}
