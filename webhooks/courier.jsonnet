// One of Kratos' own messages, by e-mail or by text message, for Paperplane to deliver.
// A missing key is a runtime error in jsonnet and would hold up the message, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

function(ctx) {
  channel: get(ctx, 'message_type'),  // email or sms
  template: get(ctx, 'template_type'),
  to: get(ctx, 'recipient'),
  subject: get(ctx, 'subject'),  // empty for sms
  text: get(ctx, 'body'),
  html: get(ctx, 'html_body'),  // null on Kratos v1.3.1
  identity_id: get(get(get(ctx, 'template_data'), 'identity'), 'id'),
}
