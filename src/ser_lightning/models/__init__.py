"""timm backbones, a dense head, and the network that joins them."""
