// What the hook before settings tells Paperplane when Kratos is about to open a settings flow.
// A missing key is a runtime error in jsonnet and would keep everybody out of their settings, so every key is asked for
// first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

// BeforeBody gives the name of Kratos' session cookie, and Kratos the context.
function(sessionCookie) function(ctx)
  local session = get(ctx, 'session');
  {
    flow_id: get(get(ctx, 'flow'), 'id'),
    identity: { id: get(get(get(ctx, 'flow'), 'identity'), 'id') },
    session: if session == null then null else { id: get(session, 'id') },
    // Kratos v1.3.1 does not say which session this is. Its cookie, and no other, lets Paperplane ask Kratos.
    cookie: if session == null then get(get(ctx, 'request_cookies'), sessionCookie) else null,
  }
