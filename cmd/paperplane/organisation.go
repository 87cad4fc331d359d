package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"paperplane/config"
	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/locale"
	"paperplane/extension/recognise"
)

// charterFlags are the words of an organisation on the command line.
type charterFlags struct {
	slug, name, region, replyTo string
	twoFactor, language         string
	ways                        []string
	linkLifetime                time.Duration
	areas, roles                []string
	termsFile, termsTitle       string
	administrator               string
}

func newOrganisationCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{Use: "organisation", Short: "Found an organisation"}
	cmd.AddCommand(newOrganisationCreateCommand(environ))
	return cmd
}

func newOrganisationCreateCommand(environ []string) *cobra.Command {
	var flags charterFlags
	cmd := withConfig(&cobra.Command{
		Use:   "create",
		Short: "Found an organisation and invite its first administrator",
		Long: `Found an organisation with its service areas, roles and terms (EULA), and invite its first administrator, who then
invites everybody else on the pages. The invitation is sent by the server that runs on the same database.`,
		Example: `  paperplane organisation create --slug north --name "North Clinic" --area "Ward A" --area "Ward B" \
    --role Administrator:administrator --role "Team lead":inviter --role Nurse:none \
    --terms eula.txt --administrator ada@example.com`,
	}, environ, func(cmd *cobra.Command, c config.Config) error {
		charter, err := flags.charter()
		if err != nil {
			return err
		}
		if found := recognise.Recognise(flags.administrator); len(found.Recognised) != 1 || len(found.Rejected) > 0 {
			return fmt.Errorf("administrator %q: give one email address", flags.administrator) // before anything is founded
		}
		return withServer(cmd.Context(), c, newLogger(cmd.ErrOrStderr(), c.Log), func(ctx context.Context, s *server) error {
			if err := found(ctx, s, charter, flags.administrator); err != nil {
				return err
			}
			cmd.Printf("%s is founded. %s is invited to administrate it; the running server sends the letter.\nIts pages: %s/o/%s/users\n",
				charter.Organisation.Name, flags.administrator, c.Public.URL, charter.Organisation.Slug)
			return nil
		})
	})
	f := cmd.Flags()
	f.StringVar(&flags.slug, "slug", "", "stands in addresses: lower-case letters, digits and hyphens")
	f.StringVar(&flags.name, "name", "", "name of the organisation")
	f.StringArrayVar(&flags.areas, "area", nil, "a service area; give it again for each")
	f.StringArrayVar(&flags.roles, "role", []string{"Administrator:administrator", "Team lead:inviter", "Member:none"},
		"a role and its right (none, inviter, administrator), as Name:right; give it again for each")
	f.StringVar(&flags.termsFile, "terms", "", "file with the terms and conditions (EULA), in Markdown or plain text")
	f.StringVar(&flags.termsTitle, "terms-title", "Terms and conditions", "heading of the terms")
	f.StringVar(&flags.administrator, "administrator", "", "email address of the first administrator")
	f.StringVar(&flags.region, "region", "", "country whose mobile numbers may be typed without + (ISO 3166-1 alpha-2)")
	f.StringVar(&flags.replyTo, "reply-to", "", "where answers to letters go")
	f.StringVar(&flags.twoFactor, "two-factor", string(extension.TwoFactorOff), "two-factor policy: off or required")
	f.StringSliceVar(&flags.ways, "ways", []string{"totp", "sms", "email"}, "second factors that it allows")
	f.StringVar(&flags.language, "language", string(locale.English), "language of letters and of the terms: en, de, fr or sv")
	f.DurationVar(&flags.linkLifetime, "link-lifetime", extension.DefaultLinkLifetime, "how long an invitation's link works")
	for _, name := range []string{"slug", "name", "area", "terms", "administrator"} {
		_ = cmd.MarkFlagRequired(name) // the flag exists: it was made above
	}
	return cmd
}

// charter turns the flags into a charter; roster checks it.
func (f charterFlags) charter() (extension.Charter, error) {
	text, err := os.ReadFile(f.termsFile)
	if err != nil {
		return extension.Charter{}, fmt.Errorf("read terms: %w", err)
	}
	charter := extension.Charter{Organisation: extension.Organisation{
		ID: extension.NewID[extension.OrganisationID](), Slug: f.slug, Name: strings.TrimSpace(f.name),
		TwoFactor: extension.TwoFactor(f.twoFactor), LinkLifetime: f.linkLifetime, Language: f.language,
		Region: strings.ToUpper(f.region), ReplyTo: f.replyTo,
	}}
	for _, way := range f.ways {
		charter.Organisation.Ways = append(charter.Organisation.Ways, extension.Factor(way))
	}
	charter.Terms = extension.NewTerms(charter.Organisation.ID, charter.Organisation.Language, f.termsTitle, strings.ReplaceAll(string(text), "\r\n", "\n"))
	for _, name := range f.areas {
		charter.Areas = append(charter.Areas, extension.ServiceArea{ID: extension.NewID[extension.AreaID](), Name: strings.TrimSpace(name)})
	}
	for _, role := range f.roles {
		name, right, ok := strings.Cut(role, ":")
		if !ok || !extension.Right(right).Known() {
			return extension.Charter{}, fmt.Errorf("role %q: write it as Name:right, where right is none, inviter or administrator", role)
		}
		charter.Roles = append(charter.Roles, extension.Role{
			ID: extension.NewID[extension.RoleID](), Name: strings.TrimSpace(name), Right: extension.Right(right),
		})
	}
	return charter, nil
}

// found founds the organisation and invites its first administrator to the first area.
func found(ctx context.Context, s *server, charter extension.Charter, administrator string) error {
	operator := extension.System(charter.Organisation.ID, extension.OperatorName)
	if err := s.roster.Establish(ctx, operator, charter); err != nil {
		return inOneLine(err)
	}
	order := invite.Order{Batch: extension.NewID[extension.BatchID](), Text: administrator, Area: charter.Areas[0].ID}
	for _, role := range charter.Roles {
		if role.Right == extension.RightAdministrator {
			order.Role = role.ID
			break
		}
	}
	if _, err := s.invite.Send(ctx, operator, order); err != nil {
		return fmt.Errorf("the organisation is founded, but its administrator is not invited: %w", err)
	}
	return nil
}

// inOneLine words the errors of verbs for a terminal.
func inOneLine(err error) error {
	if errors.Is(err, extension.ErrConflict) {
		return errors.New("an organisation with this slug exists already; choose another slug")
	}
	if refused, ok := errors.AsType[*extension.InvalidError](err); ok {
		lines := []string{"this cannot be:"}
		for _, f := range refused.Fields {
			lines = append(lines, "  --"+f.Field+": "+f.Message)
		}
		return errors.New(strings.Join(lines, "\n"))
	}
	return err
}
