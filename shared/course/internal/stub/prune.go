package stub

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"

	"golang.org/x/tools/go/ast/astutil"
)

// names is what a file calls its imports, by path, as the type checker knows it.
func names(file *ast.File, info *types.Info) map[string]string {
	called := map[string]string{}
	for _, spec := range file.Imports {
		if name := info.PkgNameOf(spec); name != nil {
			called[spec.Path.Value] = name.Name()
		}
	}
	return called
}

// prune removes the imports that nothing uses any more, and formats.
func prune(name string, src []byte, called map[string]string) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, spec := range slices.Clone(file.Imports) {
		name := called[spec.Path.Value]
		if name == "" || name == "_" || name == "." || uses(file, name) {
			continue
		}
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		alias := ""
		if spec.Name != nil {
			alias = spec.Name.Name
		}
		astutil.DeleteNamedImport(fset, file, alias, path)
	}
	var b bytes.Buffer
	err = format.Node(&b, fset, file)
	return b.Bytes(), err
}

// uses is true when the file says name.Something.
func uses(file *ast.File, name string) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == name {
				found = true
			}
		}
		return !found
	})
	return found
}
