"""What objects say together: istioctl's findings under istioctl's codes, and Turnout's own."""
