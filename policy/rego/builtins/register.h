// The families of this folder; RegisterBuiltins (builtins.h) calls them all. The engine itself
// brings the operators (plus, eq, internal.member_2...), print, trace and what asks the compiler
// (rego.metadata.*, rego.parse_module, internal.*).
#pragma once

#include "policy/rego/builtin.h"

namespace nacre::rego {

void RegisterAggregates(BuiltinRegistry& registry);   // count, sum, max, sort...
void RegisterArrays(BuiltinRegistry& registry);       // array.*
void RegisterCasts(BuiltinRegistry& registry);        // to_number, cast_*, is_*, type_name
void RegisterCrypto(BuiltinRegistry& registry);       // crypto.* without X.509
void RegisterEncoding(BuiltinRegistry& registry);     // base64*, hex, urlquery
void RegisterGlob(BuiltinRegistry& registry);         // glob.*, regex.globs_match
void RegisterGraph(BuiltinRegistry& registry);        // graph.*, walk
void RegisterHttp(BuiltinRegistry& registry);         // http.send, refused
void RegisterJson(BuiltinRegistry& registry);         // json.marshal, json.unmarshal...
void RegisterJsonPatch(BuiltinRegistry& registry);    // json.patch
void RegisterJsonPaths(BuiltinRegistry& registry);    // json.filter, json.remove
void RegisterJsonSchema(BuiltinRegistry& registry);   // json.match_schema, json.verify_schema
void RegisterJwt(BuiltinRegistry& registry);          // io.jwt.decode, verify_*
void RegisterJwtSign(BuiltinRegistry& registry);      // io.jwt.encode_sign*
void RegisterNet(BuiltinRegistry& registry);          // net.*
void RegisterNumbers(BuiltinRegistry& registry);      // abs, round, numbers.*, rand.intn, bits.*
void RegisterObjects(BuiltinRegistry& registry);      // object.*
void RegisterRegex(BuiltinRegistry& registry);        // regex.*
void RegisterRuntime(BuiltinRegistry& registry);      // opa.runtime
void RegisterSemver(BuiltinRegistry& registry);       // semver.*
void RegisterSets(BuiltinRegistry& registry);         // union, intersection
void RegisterSprintf(BuiltinRegistry& registry);      // sprintf
void RegisterStrings(BuiltinRegistry& registry);      // looking into text
void RegisterStringEdits(BuiltinRegistry& registry);  // making text of text
void RegisterTemplate(BuiltinRegistry& registry);     // strings.render_template
void RegisterTime(BuiltinRegistry& registry);         // time.*
void RegisterUnits(BuiltinRegistry& registry);        // units.*
void RegisterUri(BuiltinRegistry& registry);          // uri.*
void RegisterUuid(BuiltinRegistry& registry);         // uuid.*
void RegisterX509(BuiltinRegistry& registry);         // crypto.x509.*, crypto.parse_private_keys
void RegisterYaml(BuiltinRegistry& registry);         // yaml.*

}  // namespace nacre::rego
