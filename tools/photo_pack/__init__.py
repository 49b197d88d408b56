"""Builds a photo pack: people of COCO whose photos may be handed on, in one zip file. `docs/photos.md` says how.

licences   which of COCO's allow it, and why the others do not
people     which photos and people of COCO come into question, and their splits
pages      what the photo site says of each photo today, asked politely and kept
crops      people cut out by the function that exercises use, as JPEG
archive    the zip file, ATTRIBUTION.csv
"""
