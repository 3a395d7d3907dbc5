// graph.reachable, graph.reachable_paths and walk. A graph is an object from vertex to its
// neighbours (array or set); a vertex that is no key of it is not in the graph.
#include <unordered_set>
#include <utility>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

std::span<const Value> Neighbours(const Value& edges) {
  if (edges.is_array() || edges.is_set()) return edges.elements();
  return {};
}

absl::Status WantGraph(Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  if (args[1].is_array() || args[1].is_set()) return absl::OkStatus();
  return OperandTypeError(2, "{array, set}", args[1]);
}

Result Reachable(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantGraph(args));
  std::vector<Value> waiting(args[1].elements().begin(), args[1].elements().end());
  std::unordered_set<Value, ValueHash> seen(waiting.begin(), waiting.end());
  SetBuilder out(context.arena());
  while (!waiting.empty()) {
    Value vertex = waiting.back();
    waiting.pop_back();
    Value edges = args[0].Get(vertex);
    if (!edges.defined()) continue;
    out.Add(vertex);
    for (const Value& neighbour : Neighbours(edges)) {
      RETURN_IF_ERROR(context.Step());
      if (seen.insert(neighbour).second) waiting.push_back(neighbour);
    }
  }
  return out.Build();
}

// One vertex on the path being followed, and which of its neighbours comes next.
struct Place {
  Value vertex;
  std::span<const Value> neighbours;
  size_t next = 0;
};

// Paths that begin with `path`, each as far as it goes: to a vertex without neighbours, or to where
// the next vertex is outside the graph. A path also ends where the next vertex has been passed
// before, on this path or an earlier one, so that each vertex is followed once.
absl::Status FollowPaths(BuiltinContext& context, const Value& graph, std::vector<Place> path,
                         SetBuilder& out) {
  std::unordered_set<Value, ValueHash> passed{path.front().vertex};
  auto commit = [&]() -> absl::Status {
    RETURN_IF_ERROR(context.Step(path.size()));
    ArrayBuilder vertices(context.arena(), path.size());
    for (const Place& place : path) vertices.Add(place.vertex);
    out.Add(vertices.Build());
    return absl::OkStatus();
  };
  size_t least = path.size();  // the beginning that stays
  while (path.size() >= least) {
    RETURN_IF_ERROR(context.Step());
    Place& last = path.back();
    if (last.next == last.neighbours.size()) {
      path.pop_back();
      continue;
    }
    const Value& neighbour = last.neighbours[last.next++];
    if (passed.contains(neighbour)) {
      RETURN_IF_ERROR(commit());
      continue;
    }
    passed.insert(last.vertex);
    Value edges = graph.Get(neighbour);
    if (!edges.defined()) {
      RETURN_IF_ERROR(commit());
      continue;
    }
    path.push_back({neighbour, Neighbours(edges)});
    if (path.back().neighbours.empty()) RETURN_IF_ERROR(commit());
  }
  return absl::OkStatus();
}

// Paths that begin at a vertex of the graph; its neighbours are looked at one by one, apart.
absl::Status PathsFrom(BuiltinContext& context, const Value& graph, const Value& start,
                       SetBuilder& out) {
  std::span<const Value> neighbours = Neighbours(graph.Get(start));
  if (neighbours.empty()) out.Add(Value::Array(context.arena(), {start}));
  for (const Value& neighbour : neighbours) {
    RETURN_IF_ERROR(FollowPaths(context, graph, {{start, {&neighbour, 1}}}, out));
  }
  return absl::OkStatus();
}

Result ReachablePaths(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantGraph(args));
  SetBuilder out(context.arena());
  for (const Value& start : args[1].elements()) {
    if (!args[0].Contains(start)) continue;
    RETURN_IF_ERROR(PathsFrom(context, args[0], start, out));
  }
  return out.Build();
}

// Every value inside a value with the path to it, the value itself first.
absl::Status WalkInto(BuiltinContext& context, const Value& value, std::vector<Value>& path,
                      ArrayBuilder& out) {
  RETURN_IF_ERROR(context.Step(2 + path.size()));
  out.Add(Value::Array(context.arena(), {Value::Array(context.arena(), path), value}));
  auto into = [&](const Value& key, const Value& inner) -> absl::Status {
    path.push_back(key);
    RETURN_IF_ERROR(WalkInto(context, inner, path, out));
    path.pop_back();
    return absl::OkStatus();
  };
  if (value.is_object()) {
    for (const Member& member : value.members()) RETURN_IF_ERROR(into(member.key, member.value));
  } else if (value.is_set()) {
    for (const Value& member : value.elements()) RETURN_IF_ERROR(into(member, member));
  } else if (value.is_array()) {
    int64_t index = 0;
    for (const Value& element : value.elements()) {
      RETURN_IF_ERROR(into(Value::Int(index++), element));
    }
  }
  return absl::OkStatus();
}

Result Walk(BuiltinContext& context, Args args) {
  std::vector<Value> path;
  ArrayBuilder out(context.arena());
  RETURN_IF_ERROR(WalkInto(context, args[0], path, out));
  return out.Build();
}

}  // namespace

void RegisterGraph(BuiltinRegistry& registry) {
  registry.Register({"graph.reachable", {kObject, kArray | kSet}, kSet, Reachable});
  registry.Register({"graph.reachable_paths", {kObject, kArray | kSet}, kSet, ReachablePaths});
  registry.Register(
      {.name = "walk", .args = {kAny}, .result = kArray, .function = Walk, .relation = true});
}

}  // namespace nacre::rego
