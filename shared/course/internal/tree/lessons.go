package tree

// A Lesson is a numbered lesson: its folder has the same name in lessons/, homework/ and
// solutions/.
type Lesson struct {
	Number int
	Name   string
	En, Ru string
}

// Lessons is the only list of them; the index is the number.
var Lessons = []Lesson{
	{0, "00-virtualization", "Virtualization, and what a container is not", "Виртуализация, и чем контейнер не является"},
	{1, "01-prototype", "Introduction and the first prototype", "Введение и первый прототип"},
	{2, "02-namespaces", "Namespaces: isolating processes", "Namespaces: изоляция процессов"},
	{3, "03-filesystem", "Isolating the file system", "Файловая изоляция"},
	{4, "04-cgroups", "Resources: cgroups", "Управление ресурсами: cgroups"},
	{5, "05-userns", "User namespaces: fewer privileges", "User namespaces: минимизация привилегий"},
	{6, "06-capabilities", "Capabilities and security in Linux", "Capabilities и безопасность в Linux"},
	{7, "07-network", "The network: isolating and connecting a container", "Сеть: изоляция и подключение контейнера"},
}

// OnHost is true of the lesson whose homework is no mydocker but the init of a machine of its
// own: the checks run here and start the machine themselves.
func (l Lesson) OnHost() bool { return l.Number == 0 }

// RunsMydocker is true of the lessons that have proofs about mydocker itself.
func (l Lesson) RunsMydocker() bool { return l.Number >= 4 }

// Measures is true of the lessons whose proofs hold times against one another: what else runs
// on the machine would be measured too.
func (l Lesson) Measures() bool { return l.Number == 0 || l.Number == 4 }

// Previous is the lesson before; there is none before 00.
func (l Lesson) Previous() (Lesson, bool) {
	if l.Number == 0 {
		return Lesson{}, false
	}
	return Lessons[l.Number-1], true
}
