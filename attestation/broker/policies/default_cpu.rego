# How far a machine is trusted, in the numbers of AR4SI: 2 to 31 affirms, 32 to 95 warns, 96 and
# more contradicts, 0 claims nothing. Set another with `nacre kbs policy set-attestation`.
#
# Evidence comes here only after the broker has verified it: signed by trusted hardware whose
# firmware is new enough, bound to this session and to its initdata, and not in debug mode unless
# kbs.toml allows that. What is left to say is whether the machine started with what its owner
# registered: a document of `nacre measure` (the broker names the one that matched) or plain values
# under the names that Confidential Containers use.
package policy

import rego.v1

trust_claims := {
	"instance-identity": 0,
	"configuration": configuration,
	"executables": executables,
	"file-system": 0,
	"hardware": hardware,
	"runtime-opaque": 0,
	"storage-opaque": 0,
	"sourced-data": 0,
}

kinds := {"snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm", "tpm", "sample"}

claims := input[kind] if some kind in kinds

# 97: hardware not recognised. An emulator's never is.
default hardware := 97

hardware := 2 if claims.emulated == false

# 33: something was started that is not recognised; 3: only what was approved.
default executables := 33

executables := 3 if launch_registered

# 36: the configuration is not known; 2: it is known and approved.
default configuration := 36

configuration := 2 if launch_registered

launch_registered if claims.reference != ""

launch_registered if input.snp.measurement in query_reference_value("snp_launch_measurement")

launch_registered if {
	body := input.tdx.quote.body
	body.mr_td in query_reference_value("mr_td")
	body.rtmr_1 in query_reference_value("rtmr_1")
	body.rtmr_2 in query_reference_value("rtmr_2")
}

launch_registered if {
	input["az-snp-vtpm"].tpm.pcr11 in query_reference_value("snp_pcr11")
	input["az-snp-vtpm"].measurement in query_reference_value("measurement")
}

launch_registered if input["az-tdx-vtpm"].tpm.pcr11 in query_reference_value("tdx_pcr11")

launch_registered if input.sample.svn in query_reference_value("svn")

launch_registered if {
	input.tpm.pcr11 in query_reference_value("tpm_pcr11")
	input.tpm.ak_public in query_reference_value("trusted_aks")
}
