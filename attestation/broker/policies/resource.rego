# Who gets a secret: guests all of whose evidence the attestation policy affirms. Set another, for
# all resources or for a part of them, with `nacre kbs policy set-resource`.
#
# data.nacre.allow_emulated is kbs.toml's [policy] allow_emulated. Of an emulated machine everything
# but the hardware must be affirmed; the broker asks for that too, whatever a policy says.
package policy

import rego.v1

default allow := false

allow if {
	data.plugin == "resource"
	count(input.submods) > 0
	every machine in input.submods { affirmed(machine) }
}

affirmed(machine) if machine["ear.status"] == "affirming"

affirmed(machine) if {
	data.nacre.allow_emulated == true
	some kind, claims in machine["ear.veraison.annotated-evidence"]
	kind in {"snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm", "tpm", "sample"}
	claims.emulated == true
	vector := machine["ear.trustworthiness-vector"]
	affirms(vector.executables)
	every name, value in vector { harmless(name, value) }
}

affirms(value) if {
	value >= 2
	value <= 31
}

harmless("hardware", _)

harmless(_, 0)

harmless(_, value) if affirms(value)
