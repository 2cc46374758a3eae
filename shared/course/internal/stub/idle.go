package stub

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// idle are the local variables that a hole can see and that only the holes have read: the
// student will want them, and until then the compiler would not have them.
func idle(h hole, all []hole, fset *token.FileSet, file *ast.File, info *types.Info) []string {
	inHole := func(pos token.Pos) bool {
		line := fset.Position(pos).Line
		return slices.ContainsFunc(all, func(o hole) bool { return o.begin < line && line < o.end })
	}
	read := map[types.Object]bool{}
	written := writes(file)
	for id, object := range info.Uses {
		if !written[id] && !inHole(id.Pos()) {
			read[object] = true
		}
	}
	at := fset.File(file.Pos()).LineStart(h.begin)
	var found []*types.Var
	for _, object := range info.Defs {
		v, ok := object.(*types.Var)
		if ok && v.Kind() == types.LocalVar && !read[v] && v.Pos() < at && v.Parent() != nil && v.Parent().Contains(at) && !inHole(v.Pos()) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b *types.Var) int { return int(a.Pos() - b.Pos()) })
	var names []string
	for _, v := range found {
		names = append(names, v.Name())
	}
	return names
}

// writes are the identifiers that stand left of =: that is no reading.
func writes(file *ast.File) map[*ast.Ident]bool {
	left := map[*ast.Ident]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if assign, ok := n.(*ast.AssignStmt); ok && assign.Tok == token.ASSIGN {
			for _, expr := range assign.Lhs {
				if id, ok := expr.(*ast.Ident); ok {
					left[id] = true
				}
			}
		}
		return true
	})
	return left
}

// keepIdle is a line that reads the variables.
func keepIdle(names []string) string {
	return strings.Repeat("_, ", len(names)-1) + "_ = " + strings.Join(names, ", ") + " // here for you"
}
