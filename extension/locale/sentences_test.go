package locale_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sentence is an English sentence that a reader may meet, and where it stands.
type sentence struct {
	text string
	at   string
	args int // of the call of Say; -1 when it is said elsewhere, as it stands
}

// source is one package's files, without tests, and its string constants.
type source struct {
	files     map[string]*ast.File
	positions *token.FileSet
	constants map[string]string
}

// read parses a folder of the repository.
func read(t *testing.T, folder string) source {
	t.Helper()
	root := filepath.Join("..", "..", folder)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	s := source{files: map[string]*ast.File{}, positions: token.NewFileSet(), constants: map[string]string{}}
	for _, entry := range entries {
		if name := filepath.Join(folder, entry.Name()); !goSource(entry) || slices.Contains(forOthers(), name) {
			continue
		}
		file, err := parser.ParseFile(s.positions, filepath.Join(root, entry.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files[filepath.Join(folder, entry.Name())] = file
	}
	s.readConstants()
	return s
}

// forOthers are files among those for invitees whose sentences only administrators meet, or programs.
func forOthers() []string {
	return []string{"extension/onboard/stumble.go", "extension/onboard/reset.go", "flows/gate.go"}
}

func goSource(entry fs.DirEntry) bool {
	return filepath.Ext(entry.Name()) == ".go" && !strings.HasSuffix(entry.Name(), "_test.go")
}

func (s source) readConstants() {
	for range 2 { // a constant may be made of one that stands further down
		for _, file := range s.files {
			ast.Inspect(file, func(node ast.Node) bool {
				spec, ok := node.(*ast.ValueSpec)
				if !ok {
					return true
				}
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						if value, ok := s.text(spec.Values[i]); ok {
							s.constants[name.Name] = value
						}
					}
				}
				return true
			})
		}
	}
}

// text is the value of an expression that is a constant string: a literal, a constant of the package, or several joined.
func (s source) text(expression ast.Expr) (string, bool) {
	switch e := expression.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			value, err := strconv.Unquote(e.Value)
			return value, err == nil
		}
	case *ast.Ident:
		value, ok := s.constants[e.Name]
		return value, ok
	case *ast.ParenExpr:
		return s.text(e.X)
	case *ast.BinaryExpr:
		left, leftOK := s.text(e.X)
		right, rightOK := s.text(e.Y)
		return left + right, leftOK && rightOK && e.Op == token.ADD
	}
	return "", false
}

// said are the sentences that are handed to a Say of any kind.
func (s source) said() []sentence {
	var all []sentence
	for name, file := range s.files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || !strings.EqualFold(called(call), "say") {
				return true
			}
			if text, ok := s.text(call.Args[0]); ok {
				all = append(all, sentence{text, s.position(name, call), len(call.Args) - 1})
			}
			return true
		})
	}
	return all
}

// troubles are the sentences of TroubleErrors, and of what a person can put right.
func (s source) troubles() []sentence {
	var all []sentence
	for name, file := range s.files {
		ast.Inspect(file, func(node ast.Node) bool {
			var worded ast.Expr
			switch n := node.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Sentence" {
					worded = n.Value
				}
			case *ast.CallExpr:
				if called(n) == "Invalid" && len(n.Args) == 2 {
					worded = n.Args[1]
				}
			}
			if worded == nil {
				return true
			}
			if text, ok := s.text(worded); ok {
				all = append(all, sentence{text, s.position(name, worded), -1})
			}
			return true
		})
	}
	return all
}

// whole knows a sentence by its looks: errors and names begin with a small letter or have no full stop.
var whole = regexp.MustCompile(`^[“A-Z][^<>\n]* [^<>\n]*[.?!…]$`)

// plain are all sentences, wherever they stand.
func (s source) plain() []sentence {
	var all []sentence
	for name, file := range s.files {
		ast.Inspect(file, func(node ast.Node) bool {
			expression, ok := node.(ast.Expr)
			if !ok {
				return true
			}
			if _, named := expression.(*ast.Ident); named {
				return true // it is found where it is declared
			}
			text, ok := s.text(expression)
			if ok && whole.MatchString(text) {
				all = append(all, sentence{text, s.position(name, expression), -1})
			}
			return !ok
		})
	}
	return all
}

// glued are expressions that join a piece of a sentence with something that only shows when it runs.
func (s source) glued() []string {
	piece := regexp.MustCompile(`^[“A-Z][^<>\n]* `)
	var all []string
	for name, file := range s.files {
		ast.Inspect(file, func(node ast.Node) bool {
			joined, ok := node.(*ast.BinaryExpr)
			if !ok || joined.Op != token.ADD {
				return true
			}
			_, constant := s.text(joined)
			if left, ok := s.text(joined.X); ok && !constant && piece.MatchString(left) {
				all = append(all, fmt.Sprintf("%s: %q", s.position(name, joined), left))
			}
			return true
		})
	}
	return all
}

// unsaid are words in the fields and arguments of pages' parts that no Say gives.
func (s source) unsaid() []string {
	words := regexp.MustCompile(`\pL{2}`)
	var all []string
	for name, file := range s.files {
		unsaid := func(expression ast.Expr) {
			if text, ok := s.text(expression); ok && words.MatchString(text) {
				all = append(all, fmt.Sprintf("%s: %q", s.position(name, expression), text))
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.CompositeLit:
				return !kratosNodes(n)
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				if key != nil && slices.Contains([]string{"Title", "Lead", "Label", "Hint", "Placeholder"}, key.Name) {
					unsaid(n.Value)
				}
			case *ast.CallExpr:
				for _, place := range map[string][]int{"Notice": {1, 2}, "Copy": {1}, "Save": {2}, "Print": {0}}[called(n)] {
					if place < len(n.Args) {
						unsaid(n.Args[place])
					}
				}
			}
			return true
		})
	}
	return all
}

// kratosNodes tells whether a literal is a form as Kratos would give it, whose labels are worded like Kratos' own.
func kratosNodes(literal *ast.CompositeLit) bool {
	list, ok := literal.Type.(*ast.ArrayType)
	if !ok {
		return false
	}
	element, ok := list.Elt.(*ast.SelectorExpr)
	return ok && element.Sel.Name == "Node"
}

func (s source) position(file string, node ast.Node) string {
	return fmt.Sprintf("%s:%d", file, s.positions.Position(node.Pos()).Line)
}

// called is the name of what is called, without its package or receiver.
func called(call *ast.CallExpr) string {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		return function.Name
	case *ast.SelectorExpr:
		return function.Sel.Name
	}
	return ""
}

// written are the pieces of HTML that a generated file writes as they are.
func (s source) written(name string) []string {
	var all []string
	ast.Inspect(s.files[name], func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || called(call) != "WriteString" || len(call.Args) != 3 {
			return true
		}
		if literal, ok := call.Args[2].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if piece, err := strconv.Unquote(literal.Value); err == nil {
				all = append(all, piece)
			}
		}
		return true
	})
	return all
}
