// Benchmarks over the heaviest groups of the compliance cases; none when the cases are not there.
#pragma once

namespace nacre::rego {

void RegisterGroupBenchmarks();

}  // namespace nacre::rego
