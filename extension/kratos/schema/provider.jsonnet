// What an account at a provider of social sign-in says of a person. Kratos reads it when it makes an identity, which it
// never does beside Paperplane, and nowhere else. An address counts only when the provider says that it is proven.
local claims = std.extVar('claims');
local proven = std.objectHas(claims, 'email_verified') && claims.email_verified;
{
  identity: {
    traits: {
      [if proven && std.objectHas(claims, 'email') then 'email']: claims.email,
    },
  },
}
