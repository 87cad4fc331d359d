// What a login hook tells Paperplane when somebody has just shown a second factor. The URL tells the method.
// A missing key is a runtime error in jsonnet and would fail the sign-in, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

local text(value) = if std.isString(value) then value else null;

local list(value) = if std.isArray(value) then value else [];

local faulty(element) = std.length(std.filter(function(message) get(message, 'type') == 'error', list(get(element, 'messages')))) > 0;

function(ctx)
  local flow = get(ctx, 'flow');
  local ui = get(flow, 'ui');
  local nodes = list(get(ui, 'nodes'));
  // One for every address that the form could send a code to. The code itself stands in a node of another name. A form in
  // which something was wrong tells none: Kratos puts whatever the browser submitted into the place of the address then.
  local addresses = if faulty(ui) || std.length(std.filter(faulty, nodes)) > 0 then [] else std.filter(
    function(node) get(get(node, 'attributes'), 'name') == 'identifier' && get(node, 'group') == 'code',
    nodes
  );
  {
    flow_id: get(flow, 'id'),
    aal: get(flow, 'requested_aal'),
    identity: { id: get(get(ctx, 'identity'), 'id') },
    session: { id: get(get(ctx, 'session'), 'id') },
    // Names the attempt of somebody who typed the code on a page of Paperplane.
    ticket: text(get(get(flow, 'transient_payload'), 'paperplane_ticket')),
    // Where the code went. What the node's label says of the channel is left alone: a resend to another address changes the
    // value and not the label.
    codes: [get(get(node, 'attributes'), 'value') for node in addresses],
  }
