"""What the course knows: course, secret, code_hash, fingerprint, held_out, lock, backup; and what students get: bake,
release.
"""
