"""What the course knows: course, secret, fingerprint, held_out, lock; and what students get: bake, release."""
