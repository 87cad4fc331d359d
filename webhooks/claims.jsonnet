// The claims of a token that Kratos' session tokenizer makes (whoami?tokenize_as=…): what Paperplane has last published
// of this identity. A mapper cannot ask anybody, so a token knows nothing of this session's second factor or of the terms,
// and a pause reaches it only when the next token is made. Its sub is the identity.
// A missing key is a runtime error in jsonnet and would make no token, so every key is asked for first.
local get(object, key) =
  if std.isObject(object) && std.objectHas(object, key) then object[key] else null;

local list(value) = if std.isArray(value) then value else [];

local session = std.extVar('session');
local identity = get(session, 'identity');
local published = get(get(identity, 'metadata_public'), 'paperplane');

{
  claims: {
    email: get(get(identity, 'traits'), 'email'),
    paperplane: {
      organisations: [
        {
          id: get(organisation, 'id'),
          slug: get(organisation, 'slug'),
          user: get(organisation, 'user'),
          status: get(organisation, 'status'),
          assignments: list(get(organisation, 'assignments')),
        }
        for organisation in list(get(published, 'organisations'))
      ],
    },
  },
}
