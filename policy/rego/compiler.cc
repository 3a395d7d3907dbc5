// Packages and rules become a tree; each rule's definitions become the clauses of a group.
#include "policy/rego/compiler.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/rego/emit.h"
#include "policy/rego/lower.h"
#include "policy/rego/metadata.h"
#include "policy/rego/rule_index.h"
#include "policy/rego/type_check.h"

namespace nacre::rego {
namespace {

// Items of a rule's ref that are plain names; what follows is found at run time.
size_t ConstantPrefix(const Rule& rule) {
  size_t count = 1;
  while (count < rule.ref.size() && rule.ref[count]->type == Term::Type::kScalar &&
         rule.ref[count]->value.is_string()) {
    ++count;
  }
  return count;
}

std::string_view ItemName(const Rule& rule, size_t i) {
  return i == 0 ? rule.ref[0]->name : rule.ref[i]->value.string();
}

}  // namespace

int32_t Node::Child(std::string_view name) const {
  auto found = std::lower_bound(children.begin(), children.end(), name,
                                [](const auto& child, auto text) { return child.first < text; });
  return found != children.end() && found->first == name ? found->second : -1;
}

void Compiler::Fail(std::string_view code, std::string_view message, const Location& location) {
  Error error{std::string(code), std::string(message), {}, location};
  if (errors_.size() >= kMaxErrors) return;
  if (location.module < program_.files.size()) error.file = program_.files[location.module];
  errors_.push_back(std::move(error));
}

void Compiler::FailType(std::string_view message, const Location& location) {
  std::swap(errors_, type_errors_);
  Fail("rego_type_error", message, location);
  std::swap(errors_, type_errors_);
}

std::vector<Error> Compiler::TakeErrors() {
  return std::move(errors_.empty() ? type_errors_ : errors_);
}

bool Compiler::Spend(uint64_t steps, const Location& location) {
  if (steps <= steps_left_) {
    steps_left_ -= steps;
    return true;
  }
  if (!spent_) {
    errors_.clear();  // the one that ends it is the one to read
    Fail("rego_compile_error", StrCat("compiling takes more than ", kMaxCompileSteps, " steps"),
         location);
  }
  spent_ = true;
  steps_left_ = 0;
  return false;
}

int32_t Compiler::Constant(const Value& value) {
  // Equal numbers may differ in their text (1 and 1.0), so these are never merged.
  if (value.is_number() && !value.is_small()) {
    program_.constants.push_back(value);
    return static_cast<int32_t>(program_.constants.size()) - 1;
  }
  bool merge = !value.is_collection();
  if (merge) {
    auto found = constants_.find(value);
    if (found != constants_.end()) return found->second;
  }
  auto index = static_cast<int32_t>(program_.constants.size());
  program_.constants.push_back(value);
  if (merge) constants_.emplace(value, index);
  return index;
}

int32_t Compiler::Path(const std::vector<Value>& path) {
  auto [place, fresh] = paths_.try_emplace(path, static_cast<int32_t>(program_.paths.size()));
  if (fresh) program_.paths.push_back(path);
  return place->second;
}

int32_t Compiler::BuiltinIndex(const Builtin* builtin) {
  auto [place, fresh] =
      builtin_indices_.try_emplace(builtin, static_cast<int32_t>(program_.builtins.size()));
  if (fresh) program_.builtins.push_back(builtin);
  return place->second;
}

int32_t Compiler::Emit(const Instruction& instruction, const Location& location) {
  Spend(1, location);
  program_.code.push_back(instruction);
  program_.locations.push_back(location);
  return Here() - 1;
}

int32_t Compiler::FindNode(const std::vector<std::string_view>& path) const {
  int32_t node = 0;
  for (std::string_view name : path) {
    node = program_.nodes[static_cast<size_t>(node)].Child(name);
    if (node < 0) break;
  }
  return node;
}

int32_t Compiler::FunctionAt(int32_t node) const {
  if (node < 0) return -1;
  const Node& found = program_.nodes[static_cast<size_t>(node)];
  return found.function ? found.rule : -1;
}

bool Compiler::RuleNameInPackage(const Module& module, std::string_view name) const {
  auto found = module_names_.find(&module);
  if (found != module_names_.end()) return found->second->contains(name);
  if (!package_names_.empty() || module.package.size() <= 1) return false;
  // A query's package: the names are in the tree.
  int32_t node = FindNode({module.package.begin() + 1, module.package.end()});
  return node >= 0 && program_.nodes[static_cast<size_t>(node)].Child(name) >= 0;
}

const Import* Compiler::FindImport(const Module& module, std::string_view name) {
  auto [place, fresh] = imports_.try_emplace(&module);
  if (fresh) {  // of two imports of one name the first counts
    for (const Import& import : module.imports) place->second.try_emplace(import.alias, &import);
  }
  auto found = place->second.find(name);
  return found == place->second.end() ? nullptr : found->second;
}

Value Compiler::MetadataChain(const Module& module, const Rule& rule) {
  if (annotations_ == nullptr) annotations_ = std::make_unique<Annotations>(builtins_, arena_);
  auto spend = [&](uint64_t steps) { return Spend(steps, rule.location); };
  return annotations_->Chain(modules_, module, rule, spend);
}

Value Compiler::MetadataRule(const Module& module, const Rule& rule) {
  if (annotations_ == nullptr) annotations_ = std::make_unique<Annotations>(builtins_, arena_);
  auto spend = [&](uint64_t steps) { return Spend(steps, rule.location); };
  return annotations_->OfRule(module, rule, spend);
}

Compiler::Compiler(Program& program, Arena& arena, const BuiltinRegistry& builtins)
    : program_(program), arena_(arena), builtins_(builtins) {}

Compiler::~Compiler() = default;

int32_t Compiler::NewNode(int32_t parent, std::string_view name, const Location& location) {
  auto index = static_cast<int32_t>(program_.nodes.size());
  program_.nodes.emplace_back().parent = parent;
  std::vector<Value> path;
  if (parent >= 0) {
    int32_t above = program_.nodes[static_cast<size_t>(parent)].path;
    uint64_t names = program_.paths[static_cast<size_t>(above)].size() + 1;
    if (names > names_left_) {
      Fail("rego_compile_error",
           StrCat("the paths of rules and packages have more than ", kMaxTreeNames, " names"),
           location);
      names = names_left_;
    }
    names_left_ -= names;
    Node& up = program_.nodes[static_cast<size_t>(parent)];
    path = program_.paths[static_cast<size_t>(up.path)];
    path.push_back(Value::BorrowString(name));
    auto place = std::lower_bound(up.children.begin(), up.children.end(), name,
                                  [](const auto& child, auto text) { return child.first < text; });
    up.children.insert(place, {name, index});
  }
  program_.nodes.back().path = Path(path);
  return index;
}

int32_t Compiler::NewGroup(Group::Kind kind, std::string name, const Location& location) {
  if (name.size() > name_bytes_left_ && !failed()) {
    Fail("rego_compile_error", "the names of rules and packages are too long", location);
    name_bytes_left_ = 0;
  }
  name_bytes_left_ -= std::min<uint64_t>(name_bytes_left_, name.size());
  Group& group = program_.groups.emplace_back();
  group.kind = kind;
  group.name = std::move(name);
  group.location = location;
  return static_cast<int32_t>(program_.groups.size()) - 1;
}

std::string Compiler::NodeName(int32_t node) const {
  std::string out = "data";
  int32_t path = program_.nodes[static_cast<size_t>(node)].path;
  for (const Value& name : program_.paths[static_cast<size_t>(path)]) {
    StrAppend(&out, ".", name.string());
  }
  return out;
}

void Compiler::AddRule(const Module& module, const Rule& rule) {
  size_t prefix = ConstantPrefix(rule);
  bool dynamic = prefix < rule.ref.size();
  if (rule.has_args && dynamic) {
    return Fail("rego_compile_error", "a function's name must be constant", rule.location);
  }
  int32_t node = 0;
  auto descend = [&](std::string_view name) {
    int32_t child = program_.nodes[static_cast<size_t>(node)].Child(name);
    node = child >= 0 ? child : NewNode(node, name, rule.location);
  };
  for (size_t i = 1; i < module.package.size(); ++i) descend(module.package[i]);
  for (size_t i = 0; i < prefix; ++i) descend(ItemName(rule, i));
  Group::Kind kind = dynamic               ? Group::Kind::kRows
                     : rule.has_args       ? Group::Kind::kFunction
                     : rule.key != nullptr ? Group::Kind::kPartialSet
                                           : Group::Kind::kComplete;
  Node& at = program_.nodes[static_cast<size_t>(node)];
  int32_t& group = dynamic ? at.dynamic : at.rule;
  if (group < 0) {
    int32_t made = NewGroup(kind, NodeName(node), rule.location);
    (dynamic ? program_.nodes[static_cast<size_t>(node)].dynamic
             : program_.nodes[static_cast<size_t>(node)].rule) = made;
    program_.groups[static_cast<size_t>(made)].arity = static_cast<int32_t>(rule.args.size());
    program_.groups[static_cast<size_t>(made)].path =
        program_.nodes[static_cast<size_t>(node)].path;
    program_.nodes[static_cast<size_t>(node)].function |= rule.has_args;
    sites_[made].push_back({&module, &rule, prefix});
    return;
  }
  Group& known = program_.groups[static_cast<size_t>(group)];
  if (known.kind != kind || known.arity != static_cast<int32_t>(rule.args.size())) {
    return Fail("rego_type_error", StrCat("conflicting rules ", NodeName(node), " found"),
                rule.location);
  }
  sites_[group].push_back({&module, &rule, prefix});
}

// A rule with one value has nothing below it.
void Compiler::CheckTree() {
  for (size_t i = 0; i < program_.nodes.size(); ++i) {
    const Node& node = program_.nodes[i];
    if (node.rule < 0 || (node.children.empty() && node.dynamic < 0)) continue;
    const Group& group = program_.groups[static_cast<size_t>(node.rule)];
    int32_t other = static_cast<int32_t>(i);
    if (!node.children.empty()) other = node.children[0].second;
    Fail("rego_type_error", StrCat("rule ", group.name, " conflicts with ", NodeName(other)),
         group.location);
  }
}

std::vector<Error> Compiler::CompileModules(const std::vector<const Module*>& modules) {
  NewNode(-1, "", {});
  modules_ = modules;
  for (const Module* module : modules) {
    program_.files.push_back(module->name);
    auto& names = package_names_[StrJoin(module->package, ".")];
    for (const Rule* rule : module->rules) names.insert(rule->ref[0]->name);
    module_names_[module] = &names;
  }
  for (const Module* module : modules) {
    int32_t node = 0;
    for (size_t i = 1; i < module->package.size(); ++i) {
      int32_t child = program_.nodes[static_cast<size_t>(node)].Child(module->package[i]);
      node = child >= 0 ? child : NewNode(node, module->package[i], module->package_location);
    }
    for (const Rule* rule : module->rules) {
      AddRule(*module, *rule);
      if (errors_.size() >= kMaxErrors || names_left_ == 0 || name_bytes_left_ == 0) break;
    }
  }
  CheckTree();
  if (failed()) return std::move(errors_);
  std::vector<int32_t> groups;
  for (const auto& [group, sites] : sites_) groups.push_back(group);
  for (int32_t group : groups) {
    CompileGroup(group);
    if (spent_ || errors_.size() >= kMaxErrors) return std::move(errors_);
  }
  // Every place can be asked for as a whole.
  for (size_t i = 0; i < program_.nodes.size() && !failed(); ++i) {
    ValueGroup(static_cast<int32_t>(i));
  }
  if (!failed()) EmitDeferred();
  if (!failed()) CheckRecursion();
  if (!failed() && type_errors_.empty()) IndexRules(program_, 0);
  return TakeErrors();
}

void Compiler::CheckTypes(const Workspace& workspace, const GoalBody& body, int32_t parameters,
                          bool in_order) {
  if (failed()) return;
  bool query = program_.groups[static_cast<size_t>(current_group_)].kind == Group::Kind::kQuery;
  TypeCheck(*this, workspace, {parameters, in_order, query}).Run(body);
}

void Compiler::CompileGroup(int32_t group) {
  Group::Kind kind = program_.groups[static_cast<size_t>(group)].kind;
  int32_t arity = program_.groups[static_cast<size_t>(group)].arity;
  current_group_ = group;
  for (const RuleSite& site : sites_[group]) {
    if (spent_) return;
    int32_t first = -1, last = -1;
    for (const Rule* rule = site.rule; rule != nullptr; rule = rule->otherwise) {
      int32_t clause = CompileClause(site, *rule, kind, arity);
      if (first < 0) first = clause;
      if (last >= 0) program_.clauses[static_cast<size_t>(last)].otherwise = clause;
      last = clause;
    }
    Group& made = program_.groups[static_cast<size_t>(group)];
    if (!site.rule->is_default) {
      made.clauses.push_back(first);
    } else if (made.fallback >= 0) {
      Fail("rego_type_error", StrCat("multiple default rules ", made.name, " found"),
           site.rule->location);
    } else {
      made.fallback = first;
    }
  }
  FindConstantGroups(group);
}

int32_t Compiler::FinishClause(int32_t begin, int32_t registers, const Location& location) {
  Clause& clause = program_.clauses.emplace_back();
  clause.begin = begin;
  clause.end = Here();
  clause.registers = registers;
  clause.location = location;
  return static_cast<int32_t>(program_.clauses.size()) - 1;
}

int32_t Compiler::CompileClause(const RuleSite& site, const Rule& rule, Group::Kind kind,
                                int32_t arity) {
  Workspace workspace;
  Lowering lowering(*this, *site.module, site.rule, workspace);
  int32_t begin = Here();
  std::vector<const Term*> head(rule.ref.begin() + static_cast<ptrdiff_t>(site.constant_prefix),
                                rule.ref.end());
  head.push_back(rule.key);
  head.push_back(rule.value);
  GoalBody* body = lowering.Begin(rule.args, head, rule.body);
  if (rule.body != nullptr) lowering.Statements(body, rule.body);
  auto yield = [&](const Term* term) {
    body->yield.push_back(term == nullptr ? workspace.Constant(Value::Bool(true))
                                          : lowering.HeadTerm(body, term));
  };
  if (kind == Group::Kind::kRows) {
    GoalTerm* path = workspace.NewGoalTerm(GoalTerm::Type::kArrayOf);
    for (size_t i = site.constant_prefix; i < rule.ref.size(); ++i) {
      path->items.push_back(lowering.HeadTerm(body, rule.ref[i]));
    }
    body->yield.push_back(path);
    yield(rule.key != nullptr ? rule.key : rule.value);
    body->yield.push_back(workspace.Constant(Value::Bool(rule.key != nullptr)));
  } else {
    yield(kind == Group::Kind::kPartialSet ? rule.key : rule.value);
  }
  if (failed()) return -1;
  lowering.Finish(body);
  Emitter emitter(*this, workspace);
  for (int32_t i = 0; i < arity; ++i) emitter.Bind(i);
  if (!emitter.EmitBody(*body)) return FinishClause(begin, 0, rule.location);
  for (const GoalTerm* pattern : body->yield) emitter.CheckSafe(pattern, rule.location);
  CheckTypes(workspace, *body, arity, emitter.in_order());
  const Location& where = rule.value != nullptr ? rule.value->location : rule.location;
  int32_t operand;
  if (kind == Group::Kind::kRows) {
    GoalTerm row;
    row.type = GoalTerm::Type::kArrayOf;
    row.items = body->yield;
    operand = emitter.Operand(&row, where);
  } else {
    operand = emitter.Operand(body->yield[0], where);
  }
  bool one_value = kind == Group::Kind::kComplete || kind == Group::Kind::kFunction;
  bool constant = body->yield[0]->type == GoalTerm::Type::kConstant;
  Emit({Op::kReturn, static_cast<uint8_t>(one_value && constant), 0, operand, 0, 0}, where);
  int32_t clause = FinishClause(begin, emitter.registers(), rule.location);
  for (size_t i = 0; i < workspace.variables.size(); ++i) {
    std::string_view name = workspace.variables[i].name;
    if (name.empty() || name == "_") continue;
    program_.clauses.back().names.emplace_back(name, static_cast<int32_t>(i));
  }
  return clause;
}

// When all definitions give the same constant, the first success decides.
void Compiler::FindConstantGroups(int32_t group) {
  Group& made = program_.groups[static_cast<size_t>(group)];
  if (failed() || (made.kind != Group::Kind::kComplete && made.kind != Group::Kind::kFunction)) {
    return;
  }
  const Value* value = nullptr;
  for (int32_t index : made.clauses) {
    const Clause& clause = program_.clauses[static_cast<size_t>(index)];
    const Instruction& last = program_.code[static_cast<size_t>(clause.end) - 1];
    if (last.flag == 0 || clause.otherwise >= 0) return;
    const Value& constant = program_.constants[static_cast<size_t>(~last.a)];
    if (value != nullptr && !(constant == *value)) return;
    value = &constant;
  }
  made.one_is_enough = true;
}

std::vector<Error> Compiler::CompileQuery(const Module& query, int32_t* group,
                                          std::vector<std::string>* names) {
  for (size_t i = 0; i < program_.paths.size(); ++i) {
    paths_[program_.paths[i]] = static_cast<int32_t>(i);
  }
  for (size_t i = 0; i < program_.builtins.size(); ++i) {
    builtin_indices_[program_.builtins[i]] = static_cast<int32_t>(i);
  }
  program_.files.push_back(query.name);
  const size_t known_groups = program_.groups.size();
  const Rule& rule = *query.rules[0];
  *group = NewGroup(Group::Kind::kQuery, "query", rule.location);
  current_group_ = *group;
  Workspace workspace;
  Lowering lowering(*this, query, nullptr, workspace);
  int32_t begin = Here();
  GoalBody* body = lowering.Begin({}, {}, rule.body);
  lowering.Statements(body, rule.body);
  if (failed()) return std::move(errors_);
  lowering.Finish(body);
  Emitter emitter(*this, workspace);
  if (!emitter.EmitBody(*body)) return std::move(errors_);
  GoalTerm row;
  row.type = GoalTerm::Type::kArrayOf;
  for (const auto& [name, variable] : lowering.NamedVariables()) {
    names->emplace_back(name);
    row.items.push_back(workspace.Var(variable));
  }
  emitter.CheckSafe(&row, rule.location);
  int32_t operand = emitter.Operand(&row, rule.location);
  Emit({Op::kReturn, 0, 0, operand, 0, 0}, rule.location);
  int32_t clause = FinishClause(begin, emitter.registers(), rule.location);
  program_.groups[static_cast<size_t>(*group)].clauses.push_back(clause);
  EmitDeferred();
  CheckTypes(workspace, *body, 0, emitter.in_order());
  IndexRules(program_, known_groups);
  return TakeErrors();
}

}  // namespace nacre::rego
