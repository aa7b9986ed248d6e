package limits

// Bounds of RSA keys besides RSAModulusBits; what a query may cost altogether is in resolution.go.
const (
	// RSAModulusMinBits is the shortest RSA modulus used (RFC 5702 section 2.1).
	RSAModulusMinBits = 512
	// ProvenSignatures is how many good signatures are remembered, 16 octets each: those of all big zones, with room
	// for the rest to pass through.
	ProvenSignatures = 32768
	// RSAExponent is the largest public exponent used: the fifth Fermat number, which old signers chose (DW-10).
	RSAExponent = 1<<32 + 1
)
