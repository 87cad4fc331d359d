package web

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"regexp"
	"strings"

	"github.com/a-h/templ"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	hypertext "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Prose is a text in Markdown (CommonMark and the tables of GitHub's, with line ends kept) that somebody typed, as HTML below
// a page's h1. HTML in it is shown as the text that it is, so that a reader sees every word; pictures are their
// descriptions, because nothing is fetched from elsewhere; links open beside the page.
func Prose(markdown string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, page io.Writer) error {
		var written bytes.Buffer
		if err := prose().Convert([]byte(markdown), &written); err != nil {
			return fmt.Errorf("write prose: %w", err)
		}
		_, err := page.Write(prosePolicy().SanitizeBytes(written.Bytes()))
		return err
	})
}

// prose is Markdown as our pages can show it.
func prose() goldmark.Markdown {
	return goldmark.New(
		// As an attribute, because our pages allow no style in HTML.
		goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(outline{}, 100))),
		goldmark.WithRendererOptions(hypertext.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(plainly{}, 100))),
	)
}

// prosePolicy lets through what prose writes and nothing else, whatever a fault in the renderer might let slip.
func prosePolicy() *bluemonday.Policy {
	policy := bluemonday.NewPolicy()
	policy.AllowElements("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong")
	policy.AllowElements("table", "thead", "tbody", "tr", "th", "td")
	policy.AllowAttrs("align").Matching(regexp.MustCompile("^(left|center|right)$")).OnElements("th", "td")
	policy.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	policy.AllowAttrs("href").OnElements("a")
	policy.AllowURLSchemes("https", "http", "mailto")
	policy.RequireParseableURLs(true)
	policy.AddTargetBlankToFullyQualifiedLinks(true) // along with rel="noopener"
	policy.RequireNoReferrerOnLinks(true)
	return policy
}

// outline nests headings below the page's own without leaving a level out, whatever the author counted from (WCAG 2.2
// technique G141).
type outline struct{}

// Transform implements parser.ASTTransformer.
func (outline) Transform(document *ast.Document, _ text.Reader, _ parser.Context) {
	var above []int // the author's levels of the headings that the present one stands below
	// Its error could only be the function's, which has none.
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		heading, ok := node.(*ast.Heading)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		for len(above) > 0 && above[len(above)-1] >= heading.Level {
			above = above[:len(above)-1]
		}
		above = append(above, heading.Level)
		heading.Level = min(1+len(above), 6)
		return ast.WalkSkipChildren, nil
	})
}

// plainly writes HTML as text and pictures as their descriptions.
type plainly struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (plainly) RegisterFuncs(register renderer.NodeRendererFuncRegisterer) {
	register.Register(ast.KindRawHTML, rawInline)
	register.Register(ast.KindHTMLBlock, rawBlock)
	register.Register(ast.KindImage, description)
}

func rawInline(out util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) { //nolint:revive // the signature is goldmark's
	raw, ok := node.(*ast.RawHTML)
	if !ok || !entering {
		return ast.WalkSkipChildren, nil
	}
	_, err := out.WriteString(html.EscapeString(string(raw.Segments.Value(source))))
	return ast.WalkSkipChildren, err
}

func rawBlock(out util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) { //nolint:revive // the signature is goldmark's
	block, ok := node.(*ast.HTMLBlock)
	if !ok || !entering {
		return ast.WalkSkipChildren, nil
	}
	raw := string(block.Lines().Value(source))
	if block.HasClosure() {
		raw += string(block.ClosureLine.Value(source))
	}
	lines := strings.ReplaceAll(html.EscapeString(strings.TrimSpace(raw)), "\n", "<br>\n")
	_, err := out.WriteString("<p>" + lines + "</p>\n")
	return ast.WalkSkipChildren, err
}

// description leaves the picture out and lets its children, which are its description, be written.
func description(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkContinue, nil
}
