// What a report hook tells Paperplane after Kratos has saved a settings change. The URL tells the method.
// Neither cookies nor the request's URL, which can hold a recovery token, ever stand here.
// A missing key is a runtime error in jsonnet, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

// A request header has a list of values.
local header(ctx, name) =
  local values = get(get(ctx, 'request_headers'), name);
  if std.isArray(values) && std.length(values) > 0 then values[0] else null;

function(ctx)
  local before = get(get(ctx, 'flow'), 'identity');
  local after = get(ctx, 'identity');
  {
    flow_id: get(get(ctx, 'flow'), 'id'),
    identity: {
      id: get(after, 'id'),
      state: get(after, 'state'),
      traits: get(after, 'traits'),
      updated_at: get(after, 'updated_at'),
    },
    previous_traits: get(before, 'traits'),
    // null on Kratos v1.3.1, which does not tell.
    aal: get(get(ctx, 'session'), 'authenticator_assurance_level'),
    user_agent: header(ctx, 'User-Agent'),
    client_ip: header(ctx, 'True-Client-Ip'),
  }
