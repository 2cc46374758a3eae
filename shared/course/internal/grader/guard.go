package grader

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mydocker.example/shared/course/internal/say"
	"mydocker.example/shared/prose"
	"mydocker.example/vm"
)

// A mydocker is root in the guest, beside the checks whose verdicts are sealed with a secret
// in their memory. The guard has the guest's kernel keep root out of the memory of others,
// for good: no switch leads back but a boot, and the guest is thrown away.
//
// Yama's scope 3 (Documentation/admin-guide/LSM/Yama.rst) refuses ptrace(2),
// process_vm_readv(2), pidfd_getfd(2) and /proc/PID/mem. Lockdown's confidentiality
// (kernel_lockdown(7)) refuses what leads there through the kernel: /proc/kcore, /dev/mem,
// modules that nobody signed, kexec, kprobes, tracing.
const guard = `
mount -t securityfs securityfs /sys/kernel/security &&
echo confidentiality >/sys/kernel/security/lockdown &&
umount /sys/kernel/security &&
echo 3 >/proc/sys/kernel/yama/ptrace_scope`

// errUnguarded: the lab's kernel, one of the user's own, cannot keep the checks to themselves.
var errUnguarded = errors.New("this kernel has no lockdown or no Yama")

// open are the tasks, by lesson, that need ptrace(2) or tracefs: their checks prove what root
// may do to others, or trace the kernel, or mydocker itself holds a child by ptrace (--uid-map
// from lesson 06 on: shared/idmap). They get a guest of their own that is not guarded: whoever
// forges a verdict there has forged no other.
var open = map[int][]string{2: {"stranger"}, 4: {"born"}, 6: {"sets", "attack"}, 7: {"exec"}}

// parts are the runs that a submission takes.
func (w *workshop) parts(tasks []prose.Section) (runs []*run) {
	shut, opened := &run{}, &run{open: true}
	for _, task := range tasks {
		if slices.Contains(open[w.sub.Lesson.Number], task.ID) {
			opened.tasks = append(opened.tasks, task.ID)
		} else {
			shut.tasks = append(shut.tasks, task.ID)
		}
	}
	return slices.DeleteFunc([]*run{shut, opened}, func(r *run) bool { return len(r.tasks) == 0 })
}

// shut closes the guest's memory to a submission.
func shut(ctx context.Context, g *vm.Guest) error {
	said, err := g.Output(ctx, "sh", "-c", guard)
	if err != nil && ctx.Err() == nil && !errors.Is(err, vm.ErrDied) {
		return fmt.Errorf("%w: %w%s", errUnguarded, err, said)
	}
	return err
}

// unguarded is what a report says of a run that had no guard.
func unguarded() string {
	return say.T("the lab's kernel cannot keep the memory of the checks from root: a verdict could have been forged",
		"ядро лаборатории не умеет закрыть от root память проверок: вердикт могли подделать")
}
