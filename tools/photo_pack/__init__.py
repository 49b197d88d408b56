"""Builds a photo pack: people of COCO whose photos may be handed on, in one zip file. `docs/photos.md` says how.

licences   which of COCO's allow it, and why the others do not
people     which photos and people of COCO come into question, and their splits
pages      what the photo site says of each photo today, asked politely and kept
crops      a person cut out of a photo, as JPEG, with the labels in its pixels
archive    the zip file, ATTRIBUTION.csv
"""
