// Package stub makes homework from a solution: what stands between the markers
//
//	// homework: <task>
//	// TODO: a word to the student
//	…
//	// end
//
// becomes an honest error, and imports that nothing needs any more are removed.
package stub

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A hole is a pair of markers, by line numbers from 1.
type hole struct {
	task       string
	begin, end int // the lines of the two markers
	keep       int // the last line of the words to the student, or begin
}

// holes finds the markers in the lines of a file.
func holes(name string, lines []string) (hs []hole, err error) {
	open := false
	for i, line := range lines {
		text := strings.TrimSpace(line)
		task, begins := strings.CutPrefix(text, "// homework: ")
		switch {
		case begins && open:
			return nil, fmt.Errorf("%s:%d: a hole inside a hole", name, i+1)
		case begins:
			open = true
			hs = append(hs, hole{task: strings.TrimSpace(task), begin: i + 1, keep: words(lines, i)})
		case text == "// end" && !open:
			return nil, fmt.Errorf("%s:%d: // end without // homework", name, i+1)
		case text == "// end":
			open = false
			hs[len(hs)-1].end = i + 1
		}
	}
	if open {
		return nil, fmt.Errorf("%s:%d: // homework without // end", name, hs[len(hs)-1].begin)
	}
	return hs, nil
}

// words is the last line, from 1, of the comment after marker i that begins with TODO.
func words(lines []string, i int) int {
	last := i + 1
	if i+1 >= len(lines) || !strings.HasPrefix(strings.TrimSpace(lines[i+1]), "// TODO:") {
		return last
	}
	for last < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[last]), "//") && strings.TrimSpace(lines[last]) != "// end" {
		last++
	}
	return last
}

// dig replaces the holes of a file that has been parsed and type-checked.
func dig(name string, src []byte, fset *token.FileSet, file *ast.File, info *types.Info) ([]byte, []string, error) {
	lines := strings.Split(string(src), "\n")
	hs, err := holes(name, lines)
	if err != nil || len(hs) == 0 {
		return src, nil, err
	}
	var tasks []string
	for _, h := range slices.Backward(hs) { // from the end: line numbers before it stay true
		in, err := surroundings(fset, file, h)
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%d: %w", name, h.begin, err)
		}
		filling, err := in.filling(h, fset, info)
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%d: %w", name, h.begin, err)
		}
		if idle := idle(h, hs, fset, file, info); len(idle) > 0 {
			filling = append([]string{keepIdle(idle)}, filling...)
		}
		lines = slices.Replace(lines, h.keep, h.end, filling...)
		tasks = append(tasks, h.task)
	}
	out, err := prune(name, []byte(strings.Join(lines, "\n")), names(file, info))
	return out, tasks, err
}

// A place is where a hole is: in a function, or among the declarations of a file.
type place struct {
	name    string         // the function's name; "" among declarations
	results *ast.FieldList // of the innermost function or function literal
}

// surroundings finds the innermost function around a hole.
func surroundings(fset *token.FileSet, file *ast.File, h hole) (in place, err error) {
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil || fset.Position(n.Pos()).Line >= h.begin || fset.Position(n.End()).Line <= h.end {
			return n == file
		}
		switch n := n.(type) {
		case *ast.FuncDecl:
			in = place{n.Name.Name, n.Type.Results}
		case *ast.FuncLit:
			in.results = n.Type.Results
		case *ast.BlockStmt:
			if last := n.List[len(n.List)-1]; fset.Position(last.Pos()).Line > h.end {
				if innermost(fset, n, h) {
					err = fmt.Errorf("// end must close its block: line %d would never run", fset.Position(last.Pos()).Line)
				}
			}
		}
		return true
	})
	return in, err
}

// innermost is true when no statement of the block holds the hole as a whole.
func innermost(fset *token.FileSet, block *ast.BlockStmt, h hole) bool {
	return !slices.ContainsFunc(block.List, func(s ast.Stmt) bool {
		return fset.Position(s.Pos()).Line < h.begin && fset.Position(s.End()).Line > h.end
	})
}

// filling is what stands in the hole's place: a return of zeros and of todo.
func (in place) filling(h hole, fset *token.FileSet, info *types.Info) ([]string, error) {
	if in.name == "" {
		return nil, nil
	}
	if in.results == nil || in.results.NumFields() == 0 {
		return nil, fmt.Errorf("func %s must return an error last", in.name)
	}
	var zeros []string
	for _, field := range in.results.List {
		for range max(1, len(field.Names)) {
			zeros = append(zeros, zero(fset, field.Type, info.TypeOf(field.Type)))
		}
	}
	last := in.results.List[len(in.results.List)-1].Type
	if id, ok := last.(*ast.Ident); !ok || id.Name != "error" {
		return nil, fmt.Errorf("func %s must return an error last", in.name)
	}
	zeros[len(zeros)-1] = fmt.Sprintf("todo(%q)", h.task+": "+in.name)
	return []string{"return " + strings.Join(zeros, ", ")}, nil
}

// zero spells the zero value of a type as a person would.
func zero(fset *token.FileSet, expr ast.Expr, t types.Type) string {
	spelled := func() string {
		var b bytes.Buffer
		format.Node(&b, fset, expr)
		return b.String()
	}
	if t == nil {
		return "*new(" + spelled() + ")"
	}
	if _, ok := t.(*types.TypeParam); ok {
		return "*new(" + spelled() + ")"
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			return `""`
		case u.Info()&types.IsBoolean != 0:
			return "false"
		case u.Info()&types.IsNumeric != 0:
			return "0"
		}
		return "nil" // unsafe.Pointer
	case *types.Struct, *types.Array:
		return spelled() + "{}"
	}
	return "nil"
}
