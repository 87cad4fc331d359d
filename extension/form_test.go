package extension_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestAFormsErrorsStandWithTheirFields(t *testing.T) {
	t.Parallel()
	note := extension.Message{ID: 1050001, Text: "Your changes have been saved!"}
	whole := extension.Message{ID: 4000007, Text: "taken", Error: true}
	short := extension.Message{ID: 4000032, Text: "too short", Error: true}
	simple := extension.Message{ID: 4000031, Text: "too simple", Error: true}
	form := extension.Form{
		Messages: []extension.Message{note, whole},
		Nodes: []extension.Node{
			{Name: "traits.email", Messages: []extension.Message{note}},
			{Name: "password", Messages: []extension.Message{short, simple}},
			{Name: "csrf_token"},
		},
	}
	want := []extension.FieldMessage{{Message: whole}, {Field: "password", Message: short}, {Field: "password", Message: simple}}
	if diff := cmp.Diff(want, form.Errors()); diff != "" {
		t.Error(diff)
	}
	if none := (extension.Form{Messages: []extension.Message{note}}).Errors(); len(none) != 0 {
		t.Errorf("a success is an error: %+v", none)
	}
}

func TestHiddenReadsHiddenInputsAlone(t *testing.T) {
	t.Parallel()
	form := extension.Form{Nodes: []extension.Node{
		{Name: "csrf_token", Type: "text", Value: "typed"},
		{Name: "csrf_token", Type: "hidden", Value: "secret"},
		{Name: "method", Type: "submit", Value: "profile"},
	}}
	for name, want := range map[string]string{"csrf_token": "secret", "method": "", "": "", "unknown": ""} {
		if got := form.Hidden(name); got != want {
			t.Errorf("hidden %q is %q, want %q", name, got, want)
		}
	}
}

func TestARefusedFormTellsNothingOfItsValues(t *testing.T) {
	t.Parallel()
	refused := extension.RefusedError{Form: extension.Form{Nodes: []extension.Node{{Name: "password", Value: "hunter2"}}}}
	if got := refused.Error(); got != "Kratos refused the form" {
		t.Errorf("the error says %q", got)
	}
}
