package grade

// Some programs cannot be called by Mydocker, because they are for a guest: the check of
// lesson 00 starts a virtual machine in which the program is all there is.

// Binary is the path of the program that is checked.
func (t *T) Binary() string { return t.binary }

// Todo ends the task: the program has said that this part of it is not written yet.
func (t *T) Todo(line string) {
	t.finish(verdict{Verdict: todo, Diagnosis: "todo", En: line, Ru: line})
}
