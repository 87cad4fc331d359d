package kratos_test
import ("testing";"time";"encoding/base64";"strings";"paperplane/extension";"paperplane/extension/kratos";"fmt")
func TestZZ(t *testing.T){
 for _, s := range kratoses {
  without := s.special(t, func(file map[string]any){
    sch := strings.Replace(string(kratos.Schema()), `"webauthn": {"identifier": true},`, "", 1)
    file["identity"].(map[string]any)["schemas"].([]any)[0].(map[string]any)["url"] = "base64://"+base64.StdEncoding.EncodeToString([]byte(sch))
  })
  with := s.special(t, func(map[string]any){})
  for round := range 4 { for name, k := range map[string]*stack{"with":with,"without":without} {
   start := time.Now(); n:=0
   for range 8 { var b []extension.NewIdentity; for i := range 250 { b = append(b, asked(address(fmt.Sprint("r",i)))) }
    if _, err := k.client.CreateIdentities(t.Context(), b); err != nil { t.Fatal(err) }; n+=250 }
   t.Logf("%s %s round %d: %.0f rows/s", s.name, name, round, float64(n)/time.Since(start).Seconds())
  }}
 }
}
