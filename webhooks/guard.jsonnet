// What a guard hook tells Paperplane before Kratos saves a settings change. The URL tells the method.
// A missing key is a runtime error in jsonnet and would fail the person's form, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

// GuardBody gives the name of Kratos' session cookie, and Kratos the context.
function(sessionCookie) function(ctx)
  local before = get(get(ctx, 'flow'), 'identity');
  local after = get(ctx, 'identity');
  local session = get(ctx, 'session');
  {
    flow_id: get(get(ctx, 'flow'), 'id'),
    identity: {
      id: get(after, 'id'),
      state: get(after, 'state'),
      traits: get(after, 'traits'),
    },
    previous_traits: get(before, 'traits'),
    session: if session == null then null else { id: get(session, 'id') },
    // Kratos v1.3.1 does not say which session this is. Its cookie, and no other, lets Paperplane ask Kratos.
    cookie: if session == null then get(get(ctx, 'request_cookies'), sessionCookie) else null,
  }
