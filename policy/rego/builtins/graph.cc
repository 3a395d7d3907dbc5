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

// All paths from one vertex, each as far as it goes: to a vertex without neighbours, to where the
// next vertex is outside the graph, or to where the next one is on the path already.
absl::Status PathsFrom(BuiltinContext& context, const Value& graph, const Value& start,
                       SetBuilder& out) {
  std::vector<Place> path{{start, Neighbours(graph.Get(start))}};
  std::unordered_set<Value, ValueHash> on_path{start};
  auto commit = [&]() -> absl::Status {
    RETURN_IF_ERROR(context.Step(path.size()));
    ArrayBuilder vertices(context.arena(), path.size());
    for (const Place& place : path) vertices.Add(place.vertex);
    out.Add(vertices.Build());
    return absl::OkStatus();
  };
  if (path[0].neighbours.empty()) return commit();
  while (!path.empty()) {
    RETURN_IF_ERROR(context.Step());
    Place& last = path.back();
    if (last.next == last.neighbours.size()) {
      on_path.erase(last.vertex);
      path.pop_back();
      continue;
    }
    const Value& neighbour = last.neighbours[last.next++];
    Value edges = graph.Get(neighbour);
    if (!edges.defined() || on_path.contains(neighbour)) {
      RETURN_IF_ERROR(commit());
      continue;
    }
    path.push_back({neighbour, Neighbours(edges)});
    on_path.insert(neighbour);
    if (path.back().neighbours.empty()) RETURN_IF_ERROR(commit());
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
