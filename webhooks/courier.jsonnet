// One of Kratos' own e-mail messages, for Paperplane to word and deliver. Kratos' wording is left behind.
// A missing key is a runtime error in jsonnet and would hold up the message, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

// The first of the keys that there is.
local first(object, keys) =
  local found = [get(object, key) for key in keys if get(object, key) != null];
  if std.length(found) > 0 then found[0] else null;

function(ctx)
  local data = get(ctx, 'template_data');
  {
    channel: get(ctx, 'message_type'),
    template: get(ctx, 'template_type'),
    to: get(ctx, 'recipient'),
    code: first(data, ['login_code', 'recovery_code', 'verification_code']),
    minutes: get(data, 'expires_in_minutes'),  // null on Kratos v1.3.1
  }
