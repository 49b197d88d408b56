"""From an image to maps or vectors.

backbones, encoders                   one map, or one for each stride
efficientnet                          a backbone with ImageNet weights
scoremaps                             between image and map, and a network made of maps
ecru                                  a decoder that reuses the encoder's pooling
detection, rcnn, top_down, bottom_up  several people
"""
