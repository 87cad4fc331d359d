package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"paperplane/config"
	"paperplane/extension"
	"paperplane/extension/recognise"
)

func newUserCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Help a person whose account belongs to several organisations"}
	cmd.AddCommand(newResetFactorCommand(environ), newFreeNumberCommand(environ))
	return cmd
}

func newResetFactorCommand(environ []string) *cobra.Command {
	return newPersonCommand(environ, &cobra.Command{
		Use:   "reset-factor ADDRESS",
		Short: "Remove somebody's second factors",
		Long: `Remove all second factors and recovery codes of a person, in every organisation that they belong to, and sign them out
everywhere. An administrator can do the same on the person's page, unless the account is used in another organisation too.

Until they have set up a new one, the password alone protects the account: make sure that it is really them who ask.`,
		Example: `  paperplane user reset-factor --organisation north nils@example.com`,
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, s *server, operator extension.Actor, user extension.User) (string, error) {
		if err := s.onboard.ResetFactorsEverywhere(ctx, operator, user.ID); err != nil {
			return "", err
		}
		return fmt.Sprintf("The second factors of %s are removed, and they are signed out everywhere.", user.Address), nil
	})
}

func newFreeNumberCommand(environ []string) *cobra.Command {
	var number string
	cmd := newPersonCommand(environ, &cobra.Command{
		Use:   "free-number ADDRESS",
		Short: "Take a mobile number from the account that holds it unproven",
		Long: `Take a mobile number from whichever account holds it, so that this person can register with it. An administrator can do
the same on the person's page, unless the account belongs to another organisation. A number that was proven by a text
message stays where it is.`,
		Example: `  paperplane user free-number --organisation north --number "+46 70 174 06 06" nils@example.com`,
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, s *server, operator extension.Actor, user extension.User) (string, error) {
		if err := s.onboard.FreeMobileEverywhere(ctx, operator, user.ID, number); err != nil {
			return "", err
		}
		return "The number is free: the other account has lost it. Ask " + user.Address + " to enter it once more.", nil
	})
	cmd.Flags().StringVar(&number, "number", "", "the mobile number; without + and a country code it is read as one of the organisation's country")
	_ = cmd.MarkFlagRequired("number") // the flag exists: it was made above
	return cmd
}

// help is what the operator does for one person; it gives the sentence that says so.
type help func(ctx context.Context, s *server, operator extension.Actor, user extension.User) (string, error)

// newPersonCommand makes a command that finds a person by organisation and address, which is its one argument.
func newPersonCommand(environ []string, cmd *cobra.Command, do help) *cobra.Command {
	var slug string
	withConfig(cmd, environ, func(cmd *cobra.Command, c config.Config) error {
		return withServer(cmd.Context(), c, newLogger(cmd.ErrOrStderr(), c.Log), func(ctx context.Context, s *server) error {
			operator, user, err := personIn(ctx, s, slug, cmd.Flags().Arg(0))
			if err != nil {
				return err
			}
			done, err := do(ctx, s, operator, user)
			if err != nil {
				return inSentences(err)
			}
			cmd.Println(done)
			return nil
		})
	})
	cmd.Flags().StringVar(&slug, "organisation", "", "slug of an organisation that the person belongs to")
	_ = cmd.MarkFlagRequired("organisation") // the flag exists: it was made above
	return cmd
}

// personIn finds a person, and the operator as an actor of the same organisation.
func personIn(ctx context.Context, s *server, slug, typed string) (extension.Actor, extension.User, error) {
	found := recognise.Recognise(typed)
	if len(found.Recognised) != 1 || len(found.Rejected) > 0 {
		return extension.Actor{}, extension.User{}, fmt.Errorf("address %q: give one email address", typed)
	}
	organisation, err := s.roster.Organisation(ctx, slug)
	if errors.Is(err, extension.ErrNotFound) {
		return extension.Actor{}, extension.User{}, fmt.Errorf("there is no organisation %q; its slug stands in the addresses of its pages", slug)
	}
	if err != nil {
		return extension.Actor{}, extension.User{}, err
	}
	operator := extension.System(organisation.ID, extension.OperatorName)
	user, err := withAddress(ctx, s, operator, found.Recognised[0].Key)
	return operator, user, err
}

// withAddress looks through those whose address contains this one for the one whose address it is.
func withAddress(ctx context.Context, s *server, operator extension.Actor, key string) (extension.User, error) {
	filter := extension.Filter{Search: key}
	for {
		list, err := s.roster.List(ctx, operator, filter)
		if err != nil {
			return extension.User{}, err
		}
		for _, user := range list.Page.Users {
			if address := strings.ToLower(user.Address); address == key { // case folding would be wider than an address
				return user, nil
			}
		}
		if list.Page.Next == nil {
			return extension.User{}, fmt.Errorf("nobody with the address %s is invited there", key)
		}
		filter.Cursor = *list.Page.Next
	}
}

// inSentences words a refusal for a terminal.
func inSentences(err error) error {
	refused, ok := errors.AsType[*extension.InvalidError](err)
	if !ok {
		return err
	}
	sentences := make([]string, len(refused.Fields))
	for i, field := range refused.Fields {
		sentences[i] = field.Message
	}
	return errors.New("nothing was changed: " + strings.Join(sentences, " "))
}
