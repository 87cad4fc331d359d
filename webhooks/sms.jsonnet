// One of Kratos' own text messages, for the operator's gateway to deliver.
// A missing key is a runtime error in jsonnet and would hold up the message, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

function(ctx) {
  channel: get(ctx, 'message_type'),  // sms
  template: get(ctx, 'template_type'),
  to: get(ctx, 'recipient'),
  text: get(ctx, 'body'),
}
