package onboard

import (
	"context"
	"errors"
	"strings"

	"paperplane/extension"
)

// stumbled notes the mistake that an invitee is told of, so that an administrator who is asked for help sees it too. It
// gives the error back as it came: a note that is lost changes nothing for the invitee.
func (s *Service) stumbled(ctx context.Context, user extension.UserID, step extension.Step, err error) error {
	if sentence := mistake(step, err); sentence != "" {
		_ = s.store.RecordStumble(context.WithoutCancel(ctx), user, extension.Stumble{At: s.now(), Step: step, Sentence: sentence})
	}
	return err
}

// mistake says what the invitee was told, without anything that was typed; empty when it was no mistake, or one that the
// user's facts tell anyway.
func mistake(step extension.Step, err error) string {
	var invalid *extension.InvalidError
	var refused *extension.RefusedError
	var link *LinkError
	var trouble *extension.TroubleError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &invalid):
		var sentences []string
		for _, field := range invalid.Fields {
			sentences = append(sentences, field.Message)
		}
		return strings.Join(sentences, " ")
	case errors.As(err, &refused):
		return refusals(refused.Form.Errors())
	case errors.As(err, &link):
		return deadEnd(link.Reason)
	case errors.Is(err, extension.ErrStaleSession), errors.Is(err, extension.ErrNoSession):
		return ended(step)
	case errors.Is(err, extension.ErrFlowExpired):
		return "The page had been open for too long, so nothing was saved."
	case errors.As(err, &trouble):
		return trouble.Sentence
	}
	return ""
}

// ended words the end of a session.
func ended(step extension.Step) string {
	if step == extension.StepRegister {
		return "The session had ended before there was a password. Only the link in the letter leads back."
	}
	return "The session had ended. Signing in again leads back."
}

// refusals words what Kratos refused. Its own texts may quote what was typed, so only our guards' words are kept as they
// stand.
func refusals(messages []extension.FieldMessage) string {
	var sentences []string
	for _, m := range messages {
		field, sentence := plain(m)
		switch {
		case sentence != m.Text, m.Objection():
		case field != "":
			sentence = "The " + strings.ReplaceAll(field, "_", " ") + " was refused."
		default:
			sentence = "The details were refused."
		}
		sentences = append(sentences, sentence)
	}
	if len(sentences) == 0 {
		return "The details were refused."
	}
	return strings.Join(sentences, " ")
}

// deadEnd words what keeps a link from leading on that only an administrator can put right.
func deadEnd(reason LinkReason) string {
	switch reason {
	case LinkDisabled:
		return "The account was switched off or deleted in Ory Kratos, not by Paperplane."
	case LinkForeign:
		return "The account in Ory Kratos is of another kind, or has another address by now."
	case LinkOccupied:
		return "Somebody made an account with this address before, and signs in to it with something that Ory Kratos cannot delete, such as a passkey. The operator has to delete the account in Ory Kratos; then invite them again."
	case LinkDead, LinkExpired, LinkPaused, LinkSignIn, LinkAccount, LinkConfirm:
	}
	return ""
}
