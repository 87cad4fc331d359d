package local

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kratosBinaries returns the Kratos that tools/kratos pins and, if KRATOS_BIN
// names one, that one too.
func kratosBinaries(t *testing.T) map[string]string {
	t.Helper()
	stateDir, err := StateDir()
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := KratosBinary(t.Context(), stateDir, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	binaries := map[string]string{"pinned": pinned}
	if other := FromEnvironment().KratosBinary; other != "" {
		binaries["KRATOS_BIN"] = other
	}
	return binaries
}

func kratosOptions(t *testing.T, binary string) KratosOptions {
	t.Helper()
	server := startPostgres(t, PostgresOptions{StateDir: openStateDir(t)})
	if err := server.CreateDatabase(t.Context(), "kratos"); err != nil {
		t.Fatal(err)
	}
	return KratosOptions{Binary: binary, ConfigFile: "testdata/kratos.yml", Env: []string{"DSN=" + server.DSN("kratos")}}
}

func TestKratosStartsStopsAndStartsAgain(t *testing.T) {
	t.Parallel()
	for name, binary := range kratosBinaries(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kratos, err := StartKratos(t.Context(), kratosOptions(t, binary))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := kratos.Stop(); err != nil {
					t.Error(err)
				}
			})
			wantOK(t, kratos.AdminURL()+"/admin/identities")
			if err := kratos.Kill(); err != nil {
				t.Fatal(err)
			}
			<-kratos.Done()
			if err := kratos.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := kratos.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantOK(t, kratos.PublicURL()+"/schemas")
			if err := kratos.Stop(); err != nil {
				t.Fatal(err)
			}
			<-kratos.Done()
		})
	}
}

func wantOK(t *testing.T, address string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s answers %s", address, response.Status)
	}
}

func TestAKratosThatCannotStartShowsItsLastLines(t *testing.T) {
	t.Parallel()
	for name, binary := range kratosBinaries(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := kratosOptions(t, binary)
			options.ConfigFile = filepath.Join(t.TempDir(), "kratos.yml")
			if err := os.WriteFile(options.ConfigFile, []byte("no_such_key: 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := StartKratos(t.Context(), options)
			if err == nil || !strings.Contains(err.Error(), "no_such_key") {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestKratosNamesThePortInUseAndItsSetting(t *testing.T) {
	t.Parallel()
	server := startPostgres(t, PostgresOptions{StateDir: openStateDir(t)})
	_, err := StartKratos(t.Context(), KratosOptions{AdminPort: server.Port(), AdminPortSetting: "--kratos-admin-port"})
	wantOneSentence(t, err, "--kratos-admin-port", "Kratos' admin API")
}

func TestKratosIsBuiltOnceForAllWhoAskAtOnce(t *testing.T) {
	t.Parallel()
	project, err := StateDir()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	held, err := tryLock(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		_, err := waitLock(ctx, held.file.Name(), func() { close(waiting) })
		got <- err
	}()
	<-waiting
	cancel()
	if err := <-got; err == nil {
		t.Error("a second holder while the first has the lock")
	}
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
	first, err := KratosBinary(t.Context(), project, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := KratosBinary(t.Context(), project, nil)
	if err != nil || first != second {
		t.Errorf("%s, then %s: %v", first, second, err)
	}
}
