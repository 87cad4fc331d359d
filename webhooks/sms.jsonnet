// One of Kratos' own text messages, for the operator's gateway to deliver.
// A missing key is a runtime error in jsonnet and would hold up the message, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

// SMSBody gives the host of the pages, and Kratos the context.
function(host) function(ctx)
  local code = get(get(ctx, 'template_data'), 'login_code');
  {
    channel: get(ctx, 'message_type'),  // sms
    template: get(ctx, 'template_type'),
    to: get(ctx, 'recipient'),
    // Kratos does not know the reader's language, and this reads alike in all of ours. The last line is what telephones
    // offer to type on pages of this host, and on no other (WICG, Origin-bound one-time codes delivered via SMS).
    text: if code == null then get(ctx, 'body') else 'Code: %s\n\n@%s #%s' % [code, host, code],
  }
